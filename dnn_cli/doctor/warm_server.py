"""Check of the warm server, which starts commands faster."""

from dnn_cli.doctor.sections import Problem, Section
from dnn_cli.errors import DnnError
from dnn_cli.report.warm_server_text import build_status_document, format_status
from dnn_cli.warm.control import find_obstacle, read_status


def inspect_warm_server() -> Section:
    """Return the section of the report about the warm server of this user."""
    try:
        status = read_status()
    except DnnError as error:
        return Section("warm_server", {"running": False}, (Problem(error.message, error.suggestion),))
    document = build_status_document(status)
    text = (
        format_status(status).removeprefix("warm server: ")
        if status
        else find_obstacle() or "none; dnn warm starts one"
    )
    return Section("warm_server", document, texts={**dict.fromkeys(document, ""), "running": text})
