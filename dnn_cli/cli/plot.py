"""`dnn plot`: the curves of trainings, in the terminal or as pictures for papers."""

import os
import shutil
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, check_by
from dnn_cli.cli.console import can_print, has_edge, notes, print_json, results, write_result
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dnn_cli.report.curves import Curve, Curves, Panel
    from dnn_cli.runs.entry import Entry

PIPED = (80, 18)
"""Columns, and lines of a panel, where there is no terminal."""

LOWEST, HIGHEST = 10, 20
"""Lines of a panel on a terminal."""


class Along(str, Enum):
    """What can be along the horizontal axis."""

    epoch = "epoch"
    seconds = "seconds"
    steps = "steps"


def plot(
    addresses: Annotated[
        Optional[list[str]],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Argument(
            metavar="RUN", help="Runs by id, name, directory, @1, best:METRIC or sweep:ID; else the latest."
        ),
    ] = None,
    output: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option("-o", "--output", metavar="FILE", help="Write a picture for a paper. .svg, .png or .pdf."),
    ] = None,
    where: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--where", help="Only runs like that. See dnn runs --where."),
    ] = None,
    metric: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--metric", help="A column of metrics.csv, several times for several. By default two."),
    ] = None,
    along: Annotated[Along, typer.Option("--x", help="What is along the horizontal axis.")] = Along.epoch,
    log: Annotated[bool, typer.Option("--log", help="Losses and errors by orders of magnitude.")] = False,
    each: Annotated[bool, typer.Option("--runs", help="A curve for every run, where seeds make groups.")] = False,
    by: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--by", help="Average runs. One curve, with a band, for each value of this key."),
    ] = None,
    width: Annotated[Optional[int], typer.Option(min=10, max=1000, help="Columns of text.")] = None,  # noqa: UP045
    height: Annotated[Optional[int], typer.Option(min=5, max=200, help="Lines of a panel.")] = None,  # noqa: UP045
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Draw loss and accuracy, epoch by epoch."""
    from dnn_cli.cli.compare import chosen
    from dnn_cli.report.curves import curves
    from dnn_cli.runs.selection import Lookup

    if output and as_json:
        raise UsageError("--json and -o exclude each other", "name one of them")
    check_by(by or ())
    if by and each:
        raise UsageError("--by draws means, and --runs draws every run", "name one of them")
    for path in output or ():
        check_place(path, force=force)
    lookup = Lookup(runs_dir)
    entries = chosen(lookup, addresses or ([] if where or by else ["@1"]), where)
    if not entries:
        raise UsageError(f"no run in {runs_dir} is like that", "dnn runs lists all")
    if all(address.startswith("sweep:") for address in addresses or ()):
        entries = entries[::-1]  # nobody gave them an order: as they were trained
    made = curves(entries, metric or (), along.value, each=each or (as_json and not by), by=by or ())
    if as_json:
        print_json({**document(entries), **({"groups": group_documents(made)} if by else {})})
        return
    for path in output or ():
        write_picture(made, path, log=log)
    if not output:
        print_curves(made, width, height, log=log)
    for note in made.notes:
        notes().print(visible(note))


def check_place(path: Path, *, force: bool) -> None:
    """Refuse what cannot become a picture, before anything is read.

    Raises:
        UsageError: it has no suffix of a picture, is there already, or its folder is not there.
    """
    from dnn_cli.report.charts import SUFFIXES

    if path.is_dir():
        raise UsageError(f"{path} is a directory", f"name a file in it, as {path / 'curves.svg'}")
    if path.suffix[1:].lower() not in SUFFIXES:
        more = "; dnn report writes HTML" if path.suffix in (".html", ".htm") else ""
        known = ", ".join(f".{suffix}" for suffix in SUFFIXES)
        raise UsageError(f"{path} is none of {known}", f"as {path.with_suffix('.svg')}{more}")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a file", "name one that is to be written")
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} is there already", "--force replaces it, another -o writes elsewhere")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", "make it, or name another place")


def write_picture(made: "Curves", path: Path, *, log: bool) -> None:
    """Write a picture, and say what in it no font can draw."""
    from dnn_cli.report.charts import curves_chart, write_chart
    from dnn_cli.report.fonts import advice, missing

    try:
        write_chart(curves_chart(made, log=log), path)
    except RunError as error:
        raise UsageError(error.message, "name another place") from None
    results().print(visible(path), soft_wrap=True)
    legend = made.names if len(made.names) > 1 else ()
    for line in advice(missing([*legend, *(panel.title for panel in made.panels)])):
        notes().print(visible(line), soft_wrap=True)


def print_curves(made: "Curves", width: int | None, height: int | None, *, log: bool) -> None:
    """Print curves in the room there is."""
    from dnn_cli.report.terminal_curves import BESIDE, terminal_curves

    out = results()
    columns, lines = PIPED
    if has_edge(out):
        columns = out.width
        rows = 1 if columns >= BESIDE else len(made.panels)
        lines = min(HIGHEST, max(LOWEST, (shutil.get_terminal_size().lines - 3) // rows - 1))
    text = terminal_curves(
        made, width=width or columns, height=height or lines, log=log,
        colour=out.is_terminal, unicode=can_print("⣿│┤"),
    )  # fmt: skip
    write_result(text)


def group_documents(made: "Curves") -> list[dict[str, Any]]:
    """Return the curves of all groups: the mean of the runs, and their lowest and highest score."""
    return [
        {
            "name": curve.name, "metric": f"{'val_' if is_validation(curve, panel) else ''}{panel.title}",
            "runs": curve.runs, "x": curve.x, "mean": curve.y, "low": curve.low, "high": curve.high,
        }
        for panel in made.panels
        for curve in panel.curves
    ]  # fmt: skip


def is_validation(curve: "Curve", panel: "Panel") -> bool:
    """Return whether a curve is of the validation set and the title of its panel lacks `val_`."""
    return curve.part == "validation" and not panel.title.startswith("val_")


def document(entries: "Sequence[Entry]") -> dict[str, Any]:
    """The numbers of all runs."""
    return {"runs": [
        {
            "id": entry.record.id if entry.record else None, "name": entry.name,
            "status": entry.record.status if entry.record else None, "dir": os.fspath(entry.run.directory),
            "metrics": {
                name: list(map(int, values) if name == "epoch" else values)
                for name in entry.details.columns if (values := entry.details.column(name)) is not None
            },
        }
        for entry in entries
    ]}  # fmt: skip
