"""Checks of the program: Python, packages, optional extras, environment variables and the terminal."""

import importlib.util
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from rich.console import Console

import dnn_cli
from dnn_cli.doctor.sections import Problem, Section
from dnn_cli.export.export_formats import EXPORT_FORMATS, ExportFormat
from dnn_cli.host.cuda_libraries import WHEEL_MODULES
from dnn_cli.host.gpus import list_device_files
from dnn_cli.host.terminal import is_notebook

_DISTRIBUTION = "dnn-cli"
_FIRST_PACKAGES = ("tensorflow", "keras", "numpy")
"""Packages that compute the results of a training. They precede the other packages of the section."""


class _Extra(NamedTuple):
    """Optional extra, such as `onnx` in `pip install '.[onnx]'`: its modules, and the purpose that needs them."""

    modules: tuple[str, ...]
    purpose: str


def list_extras() -> dict[str, _Extra]:
    """Return the optional extras by name: those of commands, of export formats and of GPUs."""
    return {
        "optuna": _Extra(("optuna",), "dnn sweep --search bayesian"),
        "ray": _Extra(("ray",), "dnn sweep --on ray"),
        "tensorboard": _Extra(("tensorboard",), "dnn train --tensorboard"),
        **_list_export_extras(),
        "parquet": _Extra(("pyarrow",), "Parquet files"),
        "pandas": _Extra(("pandas",), "to_pandas() in Python"),
        "mlflow": _Extra(("mlflow", "sqlalchemy", "alembic"), "dnn export-runs --mlflow"),
        "gpu": _Extra(WHEEL_MODULES, "trainings on NVIDIA's GPUs"),
    }


def _list_export_extras() -> dict[str, _Extra]:
    """Return the extras of export formats by name. Several formats can share an extra."""
    formats_by_extra: dict[str, list[ExportFormat]] = {}
    for export_format in EXPORT_FORMATS.values():
        if export_format.extra is not None:
            formats_by_extra.setdefault(export_format.extra, []).append(export_format)
    return {
        name: _Extra(
            tuple(module for export_format in formats for module in export_format.modules),
            f"dnn export --format {' or '.join(export_format.name for export_format in formats)}",
        )
        for name, formats in formats_by_extra.items()
    }


def inspect_program() -> Section:
    """Return the section of the report about versions and paths of Python, the program and its packages.

    A missing optional extra is reported, but not as a problem.
    """
    required_packages = _find_required_packages()
    packages = {name: _get_package_version(name) for name in required_packages or ()}
    missing = [name for name, present in packages.items() if present is None]
    known_extras = list_extras()
    extras = {name: all(map(_is_module_available, extra.modules)) for name, extra in known_extras.items()}
    problems = [
        Problem(
            f"not installed: {', '.join(missing)}",
            "in the repository of dnn, run pip install -e .",
            stops_training=True,
        )
    ] if missing else []  # fmt: skip
    in_venv = sys.prefix != sys.base_prefix
    values = {
        "dnn": dnn_cli.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "location": str(Path(dnn_cli.__file__).parent),
        "virtual_environment": sys.prefix if in_venv else None,
        "packages": packages,
        "extras": extras,
    }
    package_versions = (
        f"unknown: {_DISTRIBUTION} is not installed in this environment"
        if required_packages is None
        else "  ".join(f"{name} {present}" for name, present in packages.items() if present)
    )
    available = [name for name, present in extras.items() if present]
    # The extra `gpu` takes 4 GB of disk, and serves only machines with a GPU.
    absent = [name for name, present in extras.items() if not present and (name != "gpu" or list_device_files())]
    purposes = [f"{name} ({known_extras[name].purpose})" for name in absent]
    missing_texts = [f"not installed: {', '.join(purposes)}", f"pip install -e '.[{absent[0]}]'"] if absent else []
    texts = {
        "packages": package_versions,
        "extras": "; ".join([", ".join(available) or "none", *missing_texts]),
    }
    return Section("program", values, tuple(problems), texts)


def _find_required_packages() -> list[str] | None:
    """Find the packages that the installed program requires on this machine, without those of extras.

    Return `None` if the program is not installed, for example if it runs from a source directory on PYTHONPATH.
    """
    try:
        requirements = [Requirement(text) for text in requires(_DISTRIBUTION) or ()]
    except PackageNotFoundError:
        return None
    names = {
        requirement.name: None
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
    first_names = [name for name in _FIRST_PACKAGES if name in names]
    return [*first_names, *(name for name in names if name not in first_names)]


def _get_package_version(name: str) -> str | None:
    """Return the version of a package, or `None` if the package is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _is_module_available(module: str) -> bool:
    """Return whether a module can be found, without importing it."""
    # The package that contains the module is imported.
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


_REPORTED_PREFIXES = (
    "TF_CPP_", "TF_XLA_", "TF_ENABLE_", "TF_NUM_", "TF_DETERMINISTIC_", "TF_FORCE_", "TF_USE_", "TF_GPU_", "KERAS_",
    "XLA_", "CUDA_", "DNN_", "OMP_", "MKL_", "OPENBLAS_", "NVIDIA_", "ROCR_", "HIP_",
)  # fmt: skip
_REPORTED_NAMES = ("NO_COLOR", "TERM", "COLORTERM", "COLUMNS", "LANG", "LC_ALL", "XDG_CACHE_HOME", "RAY_ADDRESS")
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASS", "CRED", "AUTH")


def inspect_environment() -> Section:
    """Return the section of the report about environment variables that affect training or output.

    Variables whose names suggest secrets are left out.
    """
    variables = {
        name: "…" if "@" in value else value
        for name, value in sorted(os.environ.items())
        if (name.startswith(_REPORTED_PREFIXES) or name in _REPORTED_NAMES)
        and not any(word in name for word in _SECRET_WORDS)
    }
    problems = []
    if (backend := variables.get("KERAS_BACKEND", "tensorflow")) != "tensorflow":
        problems.append(
            Problem(
                f"KERAS_BACKEND={backend}, but dnn needs the backend tensorflow",
                "unset KERAS_BACKEND",
                stops_training=True,
            )
        )
    if "TF_USE_LEGACY_KERAS" in variables and variables["TF_USE_LEGACY_KERAS"] not in ("", "0", "false"):
        problems.append(
            Problem("TF_USE_LEGACY_KERAS selects Keras 2, but dnn needs Keras 3", "unset TF_USE_LEGACY_KERAS")
        )
    return Section("environment", variables, tuple(problems), has_literal_names=True)


def inspect_terminal(console: Console) -> Section:
    """Return the section of the report about standard output: its size, its encoding, and the colours of `console`."""
    is_terminal = sys.stdout.isatty()
    encoding = sys.stdout.encoding or "ascii"
    unicode = encoding.lower().replace("-", "").startswith("utf")
    colour = console.color_system if console.is_terminal else None
    values = {
        "terminal": is_terminal,
        "columns": console.width if is_terminal else None,
        "rows": console.height if is_terminal else None,
        "colour": colour,
        "encoding": encoding,
        "unicode": unicode,
    }
    reason = _find_missing_colour_reason()
    texts = {
        "terminal": "yes" if is_terminal else "no: in a pipe or a file, output is plain text in full width",
        "colour": (colour or reason) if is_terminal else "",
        "unicode": "" if unicode else "no",
    }
    problem = Problem(f"curves need Unicode, but the encoding of the output is {encoding}", "export LC_ALL=C.UTF-8")
    return Section("terminal", values, () if unicode else (problem,), texts)


def _find_missing_colour_reason() -> str:
    """Return the reason why a terminal has no colours, such as `none: NO_COLOR is set`.

    If the reason is unknown, the text is `none`.
    """
    if "NO_COLOR" in os.environ:
        return "none: NO_COLOR is set"
    if os.environ.get("TERM") == "dumb":
        return "none: TERM is dumb"
    return "none; a notebook shows lines instead of progress bars" if is_notebook() else "none"
