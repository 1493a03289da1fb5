"""Program `dnn`, which trains and compares Keras networks that are described in YAML.

The functions of this module are the Python interface. Their results show themselves in a notebook.
"""

# The module `typing` takes milliseconds to import, in which Ctrl-C would print a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dnn_cli.api.config import load
    from dnn_cli.api.report_page import build_report
    from dnn_cli.api.run_comparison import compare_runs
    from dnn_cli.api.run_list import list_runs
    from dnn_cli.api.sweep_result import sweep

__version__ = "0.11.0"

__all__ = ["build_report", "compare_runs", "list_runs", "load", "sweep"]

_MODULES = {
    "build_report": "dnn_cli.api.report_page",
    "compare_runs": "dnn_cli.api.run_comparison",
    "list_runs": "dnn_cli.api.run_list",
    "load": "dnn_cli.api.config",
    "sweep": "dnn_cli.api.sweep_result",
}
"""Modules of the functions, by the name of the function. Every command pays for imports at the top of this module."""


def __getattr__(name: str) -> object:
    """Import a function of the Python interface when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return the names that a notebook completes."""
    return [*__all__, "__version__"]
