"""HTML with which objects of the Python interface show themselves in a notebook."""

import html
import io
from collections.abc import Iterable, Sequence

from dnn_cli.errors import UsageError
from dnn_cli.report.table_cells import TableCells
from dnn_cli.report.text import replace_control_chars
from dnn_cli.runs.run_info import RunInfo


def render_table(cells: TableCells) -> str:
    """Return a table as HTML, which scrolls if the page is too narrow."""
    return f'<div style="overflow-x: auto">{cells.to_html()}</div>'


def render_lines(lines: Iterable[str]) -> str:
    """Return lines as an HTML paragraph."""
    return f"<p>{'<br>'.join(html.escape(replace_control_chars(line)) for line in lines)}</p>"


def render_curves(runs: Sequence[RunInfo]) -> str:
    """Return the curves of `dnn plot` as SVG; an empty text for runs without a completed epoch.

    Args:
        runs: The runs, with their details.
    """
    from dnn_cli.report.chart_files import build_altair_chart
    from dnn_cli.report.curves import build_curve_chart

    try:
        chart = build_altair_chart(build_curve_chart(runs))
    except UsageError:
        return ""
    stream = io.StringIO()
    chart.save(stream, format="svg")
    return stream.getvalue()


def render_frame(page: str, height: int = 640) -> str:
    """Return a whole HTML page as a frame within the notebook, which has its own style and scripts.

    Args:
        page: The page.
        height: The height of the frame, in pixels.
    """
    source = html.escape(page, quote=True)
    return f'<iframe srcdoc="{source}" style="width: 100%; height: {height}px; border: 1px solid #ccc"></iframe>'
