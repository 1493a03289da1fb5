"""`dnn report`: a comparison and a page for every run, as one HTML file."""

import os
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from dnn_cli.cli.arguments import RunsDir, check_by
from dnn_cli.cli.console import notes, results
from dnn_cli.errors import UsageError
from dnn_cli.report.words import visible


def report(
    addresses: Annotated[
        Optional[list[str]],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Argument(metavar="RUN", help="Runs by id, name, directory, @1, best:METRIC or sweep:ID; else all."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")] = Path(
        "report.html"
    ),
    where: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--where", help="Only runs like that. See dnn runs --where."),
    ] = None,
    by: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--by", help="Average over all but this key. See dnn compare --by."),
    ] = None,
    baseline: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--baseline", help="The group to compare with. Its name, or a run's id; else the best."),
    ] = None,
    at: Annotated[str, typer.Option("--at", help="When. See dnn compare --at.")] = "final",
    metric: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--metric", help="A column of metrics.csv, or test_accuracy. By default what most runs watched."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Write a comparison and its runs as one HTML file."""
    from dnn_cli.cli.compare import chosen
    from dnn_cli.compare.comparison import compare
    from dnn_cli.report.words import count
    from dnn_cli.runs.files import write_text
    from dnn_cli.runs.index import without_collection
    from dnn_cli.runs.selection import Lookup

    check_place(output)
    with without_collection():
        lookup = Lookup(runs_dir)
        entries = chosen(lookup, addresses or [], where)
        if not entries:
            like = "" if where is None else " like that"
            raise UsageError(f"there is no run{like} in {runs_dir} to report on", "dnn train makes one; dnn demo three")
        known = lookup.detailed(lookup.entries()) if addresses or where else entries
        check_by(by or ())
        compared = compare(entries, metric, at=at, by=by or (), baseline=baseline, known=known)

    from dnn_cli.cli.pictures import pictures_of
    from dnn_cli.report.html.page import page_of
    from dnn_cli.report.html.render import render

    with without_collection():
        page = page_of(compared, ["dnn", *sys.argv[1:]])
        pictures, absent = pictures_of(page.runs, [*(row.entry for row in compared.rows), *compared.left_out])
        text = render(page, pictures, absent)
    write_text(output, text)
    size = len(text.encode()) / 1e6
    results().print(visible(f"{output}  {count(len(entries), 'run')}, {size:.1f} MB"))
    if show:
        import webbrowser

        if not webbrowser.open(output.absolute().as_uri()):
            notes().print("no browser was found to open it")


def check_place(output: Path) -> None:
    """Refuse to write over what is no report.

    Raises:
        UsageError: there is something else, or no folder for it.
    """
    from dnn_cli.report.html.mark import is_report

    if not output.parent.is_dir():
        raise UsageError(f"there is no folder {output.parent}", "make it, or name another file with -o")
    if os.path.lexists(output) and not is_report(output):
        raise UsageError(f"{output} is there and no report of dnn", "name another file with -o, or move it away")
