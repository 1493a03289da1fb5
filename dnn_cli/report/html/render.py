"""The file itself: templates, style and script become one HTML document that loads nothing and may load nothing."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import dnn_cli
from dnn_cli.report.html.curves import Curves
from dnn_cli.report.html.mark import GENERATOR
from dnn_cli.report.html.outcome import indices
from dnn_cli.report.html.page import Page
from dnn_cli.report.html.pictures import Shown
from dnn_cli.report.html.run import RunPage
from dnn_cli.report.words import visible

FOLDER = Path(__file__).parent

EARLY = "document.documentElement.className='js'"
"""Runs before anything is shown, so that what a script is going to hide never appears."""


Pictures = Mapping[tuple[str, int], Shown]
"""Inputs by the fingerprint of their data and their place in it."""


def render(page: Page, pictures: Pictures, absent: Mapping[str, str]) -> str:
    """The file as text.

    Args:
        page: What it says.
        pictures: The inputs that are shown.
        absent: Why there are none, by the fingerprint of the data.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=plain,
    )
    style = (FOLDER / "report.css").read_text(encoding="utf-8") + hiding(page.curves)
    script = (FOLDER / "report.js").read_text(encoding="utf-8")

    def pictured(run: RunPage) -> bool:
        """Whether any example of a run has a picture."""
        found = (pictures.get((run.fingerprint, index)) for index in indices(run.outcome))
        return any(one is not None and one.uri for one in found)

    return environment.get_template("report.html.j2").render(
        page=page,
        pictures=pictures,
        absent=absent,
        pictured=pictured,
        generator=f"{GENERATOR} {dnn_cli.__version__}",
        early=Markup(EARLY),  # noqa: S704 - ours, as are the style and the script
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy="; ".join(
            [
                "default-src 'none'",
                "img-src data:",
                f"style-src {digest(style)}",
                f"script-src {digest(EARLY)} {digest(script)}",
                "base-uri 'none'",
                "form-action 'none'",
            ]
        ),
    )


def plain(value: Any) -> Any:
    """Text without control codes; what is markup already stays as it is."""
    return visible(value) if type(value) is str else value


def digest(text: str) -> str:
    """By which a browser knows that a style or a script is the one that was meant."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def hiding(curves: Curves | None) -> str:
    """Rules by which a box of the legend hides its curves where it is not checked, and a chosen score is shown."""
    if curves is None:
        return ""
    keys: Sequence[str] = [
        *(f"g{group.number}" for group in curves.legend),
        *(f"r{run.number}" for group in curves.legend if len(group.runs) > 1 for run in group.runs),
    ]
    hidden = "".join(f".curves:has(#{key}:not(:checked)) .{key}{{display:none}}\n" for key in keys)
    chosen = "".join(
        f".curves:has(#m{number}:checked) .m{number}{{display:block}}\n" for number in range(len(curves.scores))
    )
    return hidden + chosen
