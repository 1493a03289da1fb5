"""`dnn compare`: completed runs beside each other."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.console import notes, print_json, results, show, write_result
from dnn_cli.errors import UsageError
from dnn_cli.report.words import visible


def compare(
    addresses: Annotated[
        Optional[list[str]],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Argument(metavar="RUN", help="Runs by id, name, directory, @1, best:METRIC or sweep:ID; else all."),
    ] = None,
    sort_by: Annotated[
        str, typer.Option("--sort-by", help="best, last, name, parameters, epochs, seconds or started.")
    ] = "best",
    metric: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--metric", help="A column of metrics.csv; by default what most runs watched."),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, scores in full.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
) -> None:
    """Compare completed runs: settings that differ, and scores."""
    from dnn_cli.compare import comparison as work
    from dnn_cli.report import comparison as words
    from dnn_cli.report.words import count
    from dnn_cli.runs.store import Store, read_entry

    if as_json + as_csv + as_markdown > 1:
        raise UsageError("--json, --csv and --md exclude each other", "name one of them")
    store = Store(runs_dir)
    named = {run.directory.resolve(): run for address in addresses or () for run in store.find_all(address)}
    entries = [read_entry(run) for run in named.values()] or store.entries()
    compared = work.compare(entries, metric, sort_by)
    if as_json:
        print_json(words.comparison_document(compared))
    elif as_csv:
        write_result(words.comparison_csv(compared))
    elif as_markdown:
        write_result(words.comparison_markdown(compared))
    else:
        out = results()
        if compared.rows:
            out.print(f"{compared.metric} of {count(len(compared.rows), 'completed run')}, best and last epoch\n")
            show(out, words.comparison_table(compared, out.width))
            out.print()
            for line in words.verdict(compared):
                out.print(visible(line))
        else:
            notes().print(f"there is no completed run in {visible(runs_dir)} to compare; dnn train makes one")
        for line in words.left_out_lines(compared):
            notes().print(f"left out: {visible(line)}")
