"""Program of the warm server: `python server_program.py DIRECTORY MINUTES DESCRIPTOR MODULE…`.

DIRECTORY is the directory of the server, and MINUTES its idle time. DESCRIPTOR is that of a pipe, to which the program
writes `ready`, or the reason why it cannot start. The modules are imported.

An import of `dnn_cli.warm` would import `dnn_cli`. Therefore the program imports this package under another name.
"""

import importlib.util
import os
import sys
from typing import TextIO

_PACKAGE = "dnn_warm_server"


def _import_package() -> None:
    """Import the package of this file under the name of the server, without its parent."""
    directory = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, os.path.join(directory, "__init__.py"), submodule_search_locations=[directory]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{directory} cannot be imported")
    sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[_PACKAGE])


def _main() -> None:
    """Run the server, and run a command in each process that is forked for one."""
    _import_package()
    server = importlib.import_module(f"{_PACKAGE}.server")
    directory, minutes, descriptor, *modules = sys.argv[1:]
    report = open(int(descriptor), "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - closed below
    try:
        command = server.run_server(directory, float(minutes), modules, lambda: _finish_report(report, "ready"))
    except (OSError, server.ServerStartError) as error:
        _finish_report(report, str(error))
        raise
    if command is not None:
        command.run()


def _finish_report(report: TextIO, text: str) -> None:
    """Write a text to the pipe and close it."""
    report.write(text)
    report.close()


if __name__ == "__main__":
    _main()
