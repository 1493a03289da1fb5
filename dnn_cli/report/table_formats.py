"""Tables for other programs: CSV, Markdown and LaTeX, of rows of plain text."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from dnn_cli.report.text import replace_control_chars

_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "–": "--", "…": r"\dots{}", "×": r"$\times$", "±": r"$\pm$",
}  # fmt: skip
"""Characters that mean something else in LaTeX, or are not in its usual fonts."""

_LATEX_TRANSLATION = str.maketrans(_LATEX_ESCAPES)

_MARKDOWN_SPECIAL = re.compile(r"[\\|`*<>\[\]~]|(?<!\w)_|_(?!\w)")
"""What could begin something in Markdown; a line within a word begins nothing."""


def format_csv(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A row a line, the headers above them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([replace_control_chars(cell) for cell in headers])
    writer.writerows([replace_control_chars(cell) for cell in row] for row in rows)
    return text.getvalue()


def format_markdown(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A table as GitHub shows it; columns in `right` hold numbers."""
    rule = "".join(f"| {'---:' if header in right else '---'} " for header in headers)
    lines = [_format_markdown_row(headers), f"{rule}|\n", *map(_format_markdown_row, rows)]
    return "".join(lines)


def _format_markdown_row(cells: Iterable[str]) -> str:
    """A row of a table in Markdown."""
    return (
        f"| {' | '.join(_MARKDOWN_SPECIAL.sub(_escape_character, replace_control_chars(cell)) for cell in cells)} |\n"
    )


def _escape_character(match: re.Match[str]) -> str:
    """A character that stands for itself."""
    return f"\\{match[0]}"


def format_latex(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A tabular with the rules of booktabs; columns in `right` hold numbers."""
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
    """A row of a table in LaTeX; what begins with a bracket would be taken for an argument of the line before."""
    plain = [replace_control_chars(cell).translate(_LATEX_TRANSLATION) for cell in cells]
    if plain and plain[0].lstrip().startswith(("[", "*")):
        plain[0] = f"{{}}{plain[0]}"
    return f"{' & '.join(plain)} \\\\"
