"""Report of runs in Python: the page that `dnn report` writes."""

from dataclasses import dataclass
from pathlib import Path

from dnn_cli.api.html import render_frame
from dnn_cli.api.run_comparison import compare_runs
from dnn_cli.execution.report_thumbnails import build_thumbnails
from dnn_cli.report.html.page import build_report_page
from dnn_cli.report.html.report_file import render_report
from dnn_cli.runs.atomic_write import write_text


@dataclass(frozen=True, repr=False)
class Report:
    """Report of runs: one HTML page that loads nothing from elsewhere."""

    html: str

    def __repr__(self) -> str:
        return f"<report, {len(self.html.encode()) / 1e6:.1f} MB>"

    def save(self, path: str | Path) -> None:
        """Write the page to a file. An existing file is replaced.

        Raises:
            RunError: the file cannot be written.
        """
        write_text(Path(path), self.html)

    def _repr_html_(self) -> str:
        return render_frame(self.html)


def build_report(*addresses: str, where: str | None = None, runs_dir: str | Path = "runs") -> Report:
    """Build the page that `dnn report` writes: a comparison, curves, and a page for each run.

    Args:
        addresses: Names, ids and other addresses of runs, such as `"sweep:3f0a"`; none for all runs.
        where: The condition, as in `dnn runs --where`; `None` for all runs.
        runs_dir: The directory of the runs.

    Raises:
        UsageError: an address names no run.
        QueryError: the condition is not valid.
    """
    compared = compare_runs(*addresses, where=where, runs_dir=runs_dir).compared
    page = build_report_page(compared, ["dnn", "report", *addresses, *(["--where", where] if where else [])])
    runs = [score.run_info for part in compared.parts for score in part.comparison.run_scores]
    thumbnails, missing_reasons = build_thumbnails(page.runs, runs)
    return Report(render_report(page, thumbnails, missing_reasons))
