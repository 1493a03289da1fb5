"""HTML file of a report, and the test whether `dnn report` wrote a file.

The file loads no resources, and its content security policy forbids loading.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import dnn_cli
from dnn_cli.report.html.curves_section import CurvesSection
from dnn_cli.report.html.page import ReportPage
from dnn_cli.report.html.predictions_section import list_example_indices
from dnn_cli.report.html.run_page import RunPage
from dnn_cli.report.html.study_page import StudyPage
from dnn_cli.report.html.thumbnails import Thumbnail
from dnn_cli.report.text import replace_control_chars

_GENERATOR_NAME = "dnn report"

_GENERATOR_SEARCH_BYTES = 500
"""Number of bytes at the start of a file in which `is_report_file` searches for the name of the generator."""


def is_report_file(path: Path) -> bool:
    """Return whether a file exists and its HTML names `dnn report` as the generator."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return f'<meta name="generator" content="{_GENERATOR_NAME}'.encode() in stream.read(_GENERATOR_SEARCH_BYTES)
    except OSError:
        return False


_HTML_DIRECTORY = Path(__file__).parent

_EARLY_SCRIPT = "document.documentElement.className='js'"
"""Script that sets the CSS class `js` of the page before the browser draws the page.

With this class, the style sheet hides the pages of runs from the beginning. The main script shows a page on request.
"""


_Thumbnails = Mapping[tuple[str, int], Thumbnail]
"""Thumbnails of examples, by the fingerprint of the data and the index of the example in the data."""


def render_report(page: ReportPage | StudyPage, thumbnails: _Thumbnails, missing_reasons: Mapping[str, str]) -> str:
    """Return the HTML file as text.

    Args:
        page: The content of the report, of runs or of a study.
        thumbnails: The thumbnails of listed examples.
        missing_reasons: The reasons why thumbnails are missing, by the fingerprint of the data.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HTML_DIRECTORY / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean_template_value,
    )
    style = (_HTML_DIRECTORY / "report.css").read_text(encoding="utf-8") + _build_legend_css(page)
    script = (_HTML_DIRECTORY / "report.js").read_text(encoding="utf-8")

    def has_pictures(run: RunPage) -> bool:
        """Return whether any listed example of a run has a picture."""
        candidates = (thumbnails.get((run.fingerprint, index)) for index in list_example_indices(run.predictions))
        return any(thumbnail is not None and thumbnail.uri for thumbnail in candidates)

    return environment.get_template("study.html.j2" if isinstance(page, StudyPage) else "report.html.j2").render(
        page=page,
        pictures=thumbnails,
        absent=missing_reasons,
        pictured=has_pictures,
        generator=f"{_GENERATOR_NAME} {dnn_cli.__version__}",
        early=Markup(_EARLY_SCRIPT),  # noqa: S704 - constant; style and script come from this package
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy="; ".join(
            [
                "default-src 'none'",
                "img-src data:",
                f"style-src {_compute_csp_hash(style)}",
                f"script-src {_compute_csp_hash(_EARLY_SCRIPT)} {_compute_csp_hash(script)}",
                "base-uri 'none'",
                "form-action 'none'",
            ]
        ),
    )


def _clean_template_value(value: Any) -> Any:
    """Return text without control characters; markup and other values stay as they are."""
    return replace_control_chars(value) if type(value) is str else value


def _compute_csp_hash(text: str) -> str:
    """Compute the hash by which the content security policy allows a style or a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _build_legend_css(page: ReportPage | StudyPage) -> str:
    """Build the CSS rules that hide curves and plots according to the checkboxes of the legends.

    The rules hide the curves of a group or run whose checkbox is not checked. Of all plots of a section, they show only
    the plot of the selected score.
    """
    if isinstance(page, StudyPage):
        sections = [("", page.curves)]
    else:
        sections = [(section.prefix, section.curves) for section in page.sections]
    return "".join(_build_section_css(prefix, curves) for prefix, curves in sections if curves is not None)


def _build_section_css(prefix: str, curves: CurvesSection) -> str:
    """Build the CSS rules of one section of curves, whose HTML ids begin with a prefix."""
    keys: Sequence[str] = [
        *(f"g{group.number}" for group in curves.legend),
        *(f"r{run.number}" for group in curves.legend if len(group.runs) > 1 for run in group.runs),
    ]
    hidden = "".join(f".curves:has(#{prefix}{key}:not(:checked)) .{key}{{display:none}}\n" for key in keys)
    chosen = "".join(
        f".curves:has(#{prefix}m{number}:checked) .m{number}{{display:block}}\n" for number in range(len(curves.scores))
    )
    return hidden + chosen
