"""What `dnn doctor` found, to read and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from dnn_cli.doctor.findings import Problem, Section
from dnn_cli.report.words import count, visible


def sections_table(sections: Sequence[Section]) -> Table:
    """A fact a row, under the name of what it is about."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for number, section in enumerate(sections):
        if number:
            made.add_row("", "")
        made.add_row(Text(section.name, style="bold"), "")
        for name, text in told(section):
            made.add_row(Text(f"  {visible(name)}"), Text(visible(text)))
    return made


def told(section: "Section") -> Iterator[tuple[str, str]]:
    """The facts of a section as a person reads them; what is empty is left out."""
    for name, value in section.facts.items():
        text = section.texts.get(name)
        if text is None:
            text = "" if value is None else str(value)
        if text:
            yield name if section.literal else name.removesuffix("_bytes").replace("_", " "), text


def problem_lines(sections: Sequence[Section]) -> list[str]:
    """Every problem with what to do about it, those that stop everything first; or that there is none."""
    found = sorted(problems(sections), key=lambda one: not one.stops)
    if not found:
        return ["nothing is wrong"]
    lines = [f"{count(len(found), 'problem')}:"]
    for one in found:
        lines += [f"{'!!' if one.stops else ' !'} {one.what}", f"   {one.remedy}"]
    return lines


def problems(sections: Sequence[Section]) -> "list[Problem]":
    """The problems of all sections."""
    return [one for section in sections for one in section.problems]


def doctor_document(sections: Sequence[Section]) -> dict[str, Any]:
    """The same as JSON."""
    return {
        **{section.name: dict(section.facts) for section in sections},
        "problems": [
            {"section": section.name, "problem": one.what, "remedy": one.remedy, "stops_training": one.stops}
            for section in sections
            for one in section.problems
        ],
        "usable": not any(one.stops for one in problems(sections)),
    }
