"""Sections of the report of `dnn doctor`: classes for their values and problems, and conversion to text and JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from dnn_cli.report.text import format_count, replace_control_chars


@dataclass(frozen=True)
class Problem:
    """Problem of the installation, with a suggestion."""

    message: str
    suggestion: str
    stops_training: bool = False
    """Whether the problem prevents every training."""


@dataclass(frozen=True)
class Section:
    """Part of the report about one subject, such as the machine: its values and its problems."""

    name: str
    values: Mapping[str, Any]
    """Values by name, in a form that JSON can represent."""

    problems: tuple[Problem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    """Texts that the printed table shows instead of values, by the name of the value: `1.86 GB` instead of 2000000000.

    A value with an empty text is left out.
    """

    has_literal_names: bool = False
    """Whether the names of values are printed unchanged, because they are names of variables, files or datasets.

    Otherwise `free_bytes` is printed as `free`.
    """


def build_sections_table(sections: Sequence[Section]) -> Table:
    """Build a table with a row for each value, below the name of its section."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for number, section in enumerate(sections):
        if number:
            table.add_row("", "")
        table.add_row(Text(section.name.replace("_", " "), style="bold"), "")
        for name, text in _iter_section_texts(section):
            table.add_row(Text(f"  {replace_control_chars(name)}"), Text(replace_control_chars(text)))
    return table


def _iter_section_texts(section: "Section") -> Iterator[tuple[str, str]]:
    """Yield the names and texts of the values of a section. Empty texts are left out."""
    for name, value in section.values.items():
        text = section.texts.get(name)
        if text is None:
            text = "" if value is None else str(value)
        if text:
            yield name if section.has_literal_names else name.removesuffix("_bytes").replace("_", " "), text


def format_problems(sections: Sequence[Section]) -> list[str]:
    """Format every problem with its suggestion, as lines of text. Problems that stop training come first.

    Without problems, the only line is `no problems found`.
    """
    ordered = sorted(list_problems(sections), key=lambda problem: not problem.stops_training)
    if not ordered:
        return ["no problems found"]
    legend = " (!! prevents training)" if ordered[0].stops_training else ""
    lines = [f"{format_count(len(ordered), 'problem')}{legend}:"]
    for problem in ordered:
        lines += [f"{'!!' if problem.stops_training else ' !'} {problem.message}", f"   {problem.suggestion}"]
    return lines


def list_problems(sections: Sequence[Section]) -> "list[Problem]":
    """List the problems of all sections."""
    return [problem for section in sections for problem in section.problems]


def build_doctor_document(sections: Sequence[Section]) -> dict[str, Any]:
    """Build the JSON document of the sections: their values, all problems, and whether training is possible."""
    return {
        **{section.name: dict(section.values) for section in sections},
        "problems": [
            {
                "section": section.name,
                "problem": problem.message,
                "remedy": problem.suggestion,
                "stops_training": problem.stops_training,
            }
            for section in sections
            for problem in section.problems
        ],
        "usable": not any(problem.stops_training for problem in list_problems(sections)),
    }
