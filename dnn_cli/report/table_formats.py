"""CSV, Markdown, LaTeX and HTML tables from rows of plain text."""

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence

from dnn_cli.report.text import replace_control_chars

_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "–": "--", "…": r"\dots{}", "×": r"$\times$", "±": r"$\pm$",
    "−": r"$-$", "≥": r"$\geq$",
}  # fmt: skip
"""LaTeX code of characters that are special in LaTeX, or missing from its usual fonts."""

_LATEX_TRANSLATION = str.maketrans(_LATEX_ESCAPES)

_MARKDOWN_SPECIAL = re.compile(r"[\\|`*<>\[\]~]|(?<!\w)_|_(?!\w)")
"""Characters that can begin markup in Markdown. An underscore within a word begins no markup."""


def format_csv(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV, with the headers in the first line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([replace_control_chars(cell) for cell in headers])
    writer.writerows([replace_control_chars(cell) for cell in row] for row in rows)
    return text.getvalue()


def format_markdown(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Return rows as a Markdown table for GitHub. The columns named in `right` are right-aligned."""
    rule = "".join(f"| {'---:' if header in right else '---'} " for header in headers)
    lines = [_format_markdown_row(headers), f"{rule}|\n", *map(_format_markdown_row, rows)]
    return "".join(lines)


def _format_markdown_row(cells: Iterable[str]) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(map(escape_markdown, cells))} |\n"


def escape_markdown(text: str) -> str:
    """Return text without control characters, in which no character begins markup in Markdown."""
    return _MARKDOWN_SPECIAL.sub(_escape_character, replace_control_chars(text))


def _escape_character(match: re.Match[str]) -> str:
    """Return a matched character with a backslash before it, so that Markdown prints the character."""
    return f"\\{match[0]}"


def format_latex(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Return rows as a LaTeX `tabular` with the horizontal lines of booktabs.

    The columns named in `right` are right-aligned.
    """
    columns = "".join("r" if header in right else "l" for header in headers)
    lines = [
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        _format_latex_row(headers),
        "\\midrule",
        *map(_format_latex_row, rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "% needs \\usepackage{booktabs}\n" + "".join(f"{line}\n" for line in lines)


def _format_latex_row(cells: Iterable[str]) -> str:
    """Return a row of a table in LaTeX.

    An empty group `{}` precedes a bracket or an asterisk at the start of the row. Otherwise, LaTeX would read this
    character as an argument of the line end above.
    """
    plain = [replace_control_chars(cell).translate(_LATEX_TRANSLATION) for cell in cells]
    if plain and plain[0].lstrip().startswith(("[", "*")):
        plain[0] = f"{{}}{plain[0]}"
    return f"{' & '.join(plain)} \\\\"


def format_html(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Return rows as an HTML table. The columns named in `right` are right-aligned, all others left-aligned."""
    styles = [f"text-align: {'right' if header in right else 'left'}; padding: 2px 12px 2px 0" for header in headers]

    def format_row(tag: str, cells: Iterable[str]) -> str:
        texts = [
            f'<{tag} style="{style}">{html.escape(replace_control_chars(cell))}</{tag}>'
            for style, cell in zip(styles, cells, strict=True)
        ]
        return f"<tr>{''.join(texts)}</tr>"

    body = "".join(format_row("td", row) for row in rows)
    return f"<table><thead>{format_row('th', headers)}</thead><tbody>{body}</tbody></table>"
