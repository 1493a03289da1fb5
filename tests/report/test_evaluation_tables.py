"""Reports on classes fit where they are shown."""

import numpy as np
import pytest

from dnn_cli.metrics.classification import build_classification_report
from dnn_cli.report.evaluation_tables import (
    build_class_table,
    build_confusion_table,
    compute_table_width,
    format_earlier_evaluations,
    format_quantity,
    make_headers_unique,
)
from dnn_cli.runs.evaluations import Evaluation


def make_report(names, examples=1000):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(names), examples)
    outputs = rng.random((examples, len(names))).astype(np.float32)
    outputs[np.arange(examples), labels] += 0.4
    return build_classification_report(outputs, labels, names)


FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


@pytest.mark.parametrize(
    ("names", "width", "headers"),
    [
        (FASHION, 10_000, ["", *FASHION]),
        (FASHION, 80, ["", *map(str, range(10))]),
        (FASHION, 30, ["true class", "predicted class", "examples", "share"]),
        ([f"class {i}" for i in range(30)], 10_000, ["true class", "predicted class", "examples", "share"]),
        (["고양이", "개"], 80, ["", "고양이", "개"]),
    ],
    ids=["names where there is room", "numbers at 80 columns", "pairs where it is narrow", "pairs of many classes",
         "wide letters"],
)  # fmt: skip
def test_confusion_table_fits_the_width(names, width, headers):
    matrix, _ = build_confusion_table(make_report(names), width)
    assert matrix.headers == headers
    if headers[0] == "":
        assert compute_table_width(matrix) <= width


def test_confusion_table_has_counts_of_the_report():
    class_report = make_report(FASHION)
    matrix, _ = build_confusion_table(class_report, 80)
    assert matrix.cells[3] == ["3 Dress", *(str(n) if n else "·" for n in class_report.confusion[3].tolist())]


def test_shortened_headers_stay_unique():
    long = [f"{'x' * 30}{i}" for i in range(3)]
    assert len(set(make_headers_unique([name[:24] for name in long]))) == 3
    assert len(build_confusion_table(make_report(long), 200)[0].headers) == 4


def test_worst_of_many_classes_are_listed():
    class_rows, note = build_class_table(make_report([f"c{i}" for i in range(200)], 5000))
    assert len(class_rows.cells) == 50 + 2
    assert "of 200" in note
    f1 = [float(row[3].split()[0]) for row in class_rows.cells[:50]]
    assert f1 == sorted(f1)


@pytest.mark.parametrize(
    ("value", "text"), [(123456.7, "123,457"), (4985.63, "4985.6"), (0.123456, "0.12346"), (1e20, "1e+20")]
)  # fmt: skip
def test_format_quantity(value, text):
    assert format_quantity(value) == text


def test_earlier_evaluations_are_reported():
    evaluation = Evaluation(at="2026-01-02T03:04:05.000000+00:00", split="test", examples=3, scores={})
    once = format_earlier_evaluations([evaluation], "new.csv")
    assert "the examples of new.csv were evaluated once before, last at 2026-01-02 03:04 UTC" in once
    assert "evaluated 3 times before" in format_earlier_evaluations([evaluation] * 3, "new.csv")
