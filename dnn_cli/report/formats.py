"""Tables for other programs: CSV, Markdown and LaTeX, of rows of plain text."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from dnn_cli.report.words import visible

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "–": "--", "…": r"\dots{}", "×": r"$\times$", "±": r"$\pm$",
}  # fmt: skip
"""Characters that mean something else in LaTeX, or are not in its usual fonts."""

LATEX_TABLE = str.maketrans(LATEX)

MARKDOWN = re.compile(r"[\\|`*<>\[\]~]|(?<!\w)_|_(?!\w)")
"""What could begin something in Markdown; a line within a word begins nothing."""


def csv_text(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A row a line, the headers above them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([visible(cell) for cell in headers])
    writer.writerows([visible(cell) for cell in row] for row in rows)
    return text.getvalue()


def markdown_text(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A table as GitHub shows it; columns in `right` hold numbers."""
    rule = "".join(f"| {'---:' if header in right else '---'} " for header in headers)
    lines = [markdown_line(headers), f"{rule}|\n", *map(markdown_line, rows)]
    return "".join(lines)


def markdown_line(cells: Iterable[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(MARKDOWN.sub(escaped, visible(cell)) for cell in cells)} |\n"


def escaped(found: re.Match[str]) -> str:
    """A character that stands for itself."""
    return f"\\{found[0]}"


def latex_text(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A tabular with the rules of booktabs; columns in `right` hold numbers."""
    columns = "".join("r" if header in right else "l" for header in headers)
    lines = [
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        latex_line(headers),
        "\\midrule",
        *map(latex_line, rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "% needs \\usepackage{booktabs}\n" + "".join(f"{line}\n" for line in lines)


def latex_line(cells: Iterable[str]) -> str:
    """A row of a table in LaTeX; what begins with a bracket would be taken for an argument of the line before."""
    plain = [visible(cell).translate(LATEX_TABLE) for cell in cells]
    if plain and plain[0].lstrip().startswith(("[", "*")):
        plain[0] = f"{{}}{plain[0]}"
    return f"{' & '.join(plain)} \\\\"
