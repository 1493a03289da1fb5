"""How a trained network did on a part of its data: tables of classes and confusions, or of errors."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dnn_cli.compare.classification import ClassReport, ClassScore
from dnn_cli.compare.regression import Errors
from dnn_cli.report.tables import PlainTable, cells_of, shortened, table
from dnn_cli.report.words import count, score
from dnn_cli.runs.record import Evaluation, FileEvaluation

MOST_IN_MATRIX = 20
"""Classes; a larger matrix is read by nobody, and the pairs that are confused most are told instead."""

MOST_LISTED = 50
"""Classes; of more, those with the lowest F1 are listed."""

MOST_PAIRS = 20
WIDEST_NAME = 24

MOST_UNLIKE = 0.5
"""Share of inputs. Single inputs are unlike the training inputs in every test set, most inputs only by mistake."""


def class_table(report: ClassReport) -> tuple[PlainTable, str]:
    """Precision, recall and F1 a class, with their means below; and what is left out, if anything."""
    scores: Sequence[ClassScore] = report.scores
    note = ""
    if len(scores) > MOST_LISTED:
        scores = sorted(scores, key=lambda one: one.f1)[:MOST_LISTED]
        note = f"the {MOST_LISTED} classes of {len(report.scores):,} with the lowest f1; --json has all"
    headers = ["class", "precision", "recall", "f1", "examples"]
    rows = [
        [shortened(one.name, WIDEST_NAME), score(one.precision), score(one.recall), score(one.f1), f"{one.support:,}"]
        for one in (*scores, report.macro, report.weighted)
    ]
    return table(headers, rows, right=headers[1:]), note


def confusion_table(report: ClassReport, width: int) -> tuple[PlainTable, str]:
    """What was taken for what, as wide as it may be, and how it is read."""
    classes, counts = report.classes, report.confusion.tolist()
    if len(classes) <= MOST_IN_MATRIX:
        names = [shortened(name, WIDEST_NAME) for name in classes]
        cells = [[str(number) if number else "·" for number in row] for row in counts]
        for columns, labels in (
            (names, names),
            ([str(at) for at in range(len(names))], [f"{at} {name}" for at, name in enumerate(names)]),
        ):
            headers = ["", *unlike(columns)]
            found = table(headers, [[label, *row] for label, row in zip(labels, cells, strict=True)], right=headers[1:])
            if width_of(found) <= width:
                return found, "a row is a true class, a column what it was taken for"
    pairs = report.confused(MOST_PAIRS)
    headers = ["true class", "taken for", "examples", "of the class"]
    rows = [
        [
            shortened(classes[true], WIDEST_NAME), shortened(classes[taken], WIDEST_NAME), f"{number:,}",
            f"{number / report.scores[true].support:.1%}",
        ]
        for true, taken, number in pairs
    ]  # fmt: skip
    return table(headers, rows, right=headers[2:]), f"the {len(pairs)} pairs that are confused most"


def unlike(headers: Sequence[str]) -> list[str]:
    """Headers that are told apart by trailing spaces where two were cut to the same."""
    seen: dict[str, int] = {}
    found = []
    for header in headers:
        seen[header] = seen.get(header, 0) + 1
        found.append(header + " " * (seen[header] - 1))
    return found


def width_of(found: PlainTable) -> int:
    """How many columns of a terminal a table takes."""
    return max(cells_of(line) for line in found.text().splitlines())


def error_table(errors: Sequence[Errors], names: Sequence[str]) -> PlainTable:
    """The errors in each number that is predicted, in its own unit."""
    headers = ["predicted", "mean abs", "rms", "median abs", "largest", "bias", "R²"]
    rows = [
        [
            shortened(name, WIDEST_NAME), amount(one.mean_absolute), amount(one.root_mean_squared),
            amount(one.median_absolute), amount(one.largest), amount(one.bias), score(one.r2),
        ]
        for name, one in zip(names, errors, strict=True)
    ]  # fmt: skip
    return table(headers, rows, right=headers[1:])


def amount(value: float) -> str:
    """A number in a unit of its own: five digits, or all before the point."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.5g}"


def error_notes(errors: Sequence[Errors], names: Sequence[str]) -> list[str]:
    """What the errors are to be held against."""
    return [
        f"{name}: always the mean of these examples, {amount(one.true_mean)}, would have an rms of "
        f"{amount(one.true_deviation)}"
        for name, one in zip(names, errors, strict=True)
    ][:MOST_PAIRS]


def looks_text(before: Sequence[Evaluation | FileEvaluation], file: str | None = None) -> str:
    """Return how often the test set, or the examples in a file, were evaluated before; nothing for a new file."""
    if not before:
        return "" if file else "the test set of this run is looked at for the first time, which run.json records"
    times = "once" if len(before) == 1 else "twice" if len(before) == 2 else f"{len(before)} times"
    what = f"the examples of {file} were" if file else "the test set of this run was"
    return (
        f"{what} looked at {times} before, last at {before[-1].at[:16].replace('T', ' ')} UTC: "
        "who chooses by it has no test set left"
    )


def report_document(report: ClassReport) -> dict[str, Any]:
    """The same for programs."""
    return {
        "accuracy": report.accuracy,
        "classes": [asdict(one) for one in report.scores],
        "macro": asdict(report.macro),
        "weighted": asdict(report.weighted),
        "confusion": report.confusion.tolist(),
    }


def target_names(names: str | None, targets: int) -> list[str]:
    """What the numbers that are predicted are called."""
    return [names or "target"] if targets == 1 else [f"target {at + 1}" for at in range(targets)]


def examples_text(looked: Evaluation | FileEvaluation) -> str:
    """Return the number and origin of examples: `450 test examples`, `12 examples of new.csv`."""
    if isinstance(looked, FileEvaluation):
        return f"{count(looked.examples, 'example')} of {looked.file}"
    return count(looked.examples, f"{looked.split} example")


def unlike_text(remarks: Sequence[Sequence[str]]) -> list[str]:
    """Return a line where most inputs are unlike the training inputs, with the most common reason."""
    unlike = [one for one in remarks if one]
    if len(unlike) <= MOST_UNLIKE * len(remarks):
        return []
    said, _ = Counter(text for one in unlike for text in one).most_common(1)[0]
    return [f"{len(unlike):,} of {len(remarks):,} inputs are unlike the training inputs: {said}"]
