"""Reports on classes fit where they are shown."""

import numpy as np
import pytest

from dnn_cli.compare.classification import classify
from dnn_cli.report.evaluation import amount, class_table, confusion_table, looks_text, unlike, width_of
from dnn_cli.runs.record import Evaluation


def report(names, examples=1000):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(names), examples)
    outputs = rng.random((examples, len(names))).astype(np.float32)
    outputs[np.arange(examples), labels] += 0.4
    return classify(outputs, labels, names)


FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


@pytest.mark.parametrize(
    ("names", "width", "headers"),
    [
        (FASHION, 10_000, ["", *FASHION]),
        (FASHION, 80, ["", *map(str, range(10))]),
        (FASHION, 30, ["true class", "taken for", "examples", "of the class"]),
        ([f"class {i}" for i in range(30)], 10_000, ["true class", "taken for", "examples", "of the class"]),
        (["고양이", "개"], 80, ["", "고양이", "개"]),
    ],
    ids=["names where there is room", "numbers at 80 columns", "pairs where it is narrow", "pairs of many classes",
         "wide letters"],
)  # fmt: skip
def test_the_matrix_is_as_wide_as_it_may_be(names, width, headers):
    shown, _ = confusion_table(report(names), width)
    assert shown.headers == headers
    if headers[0] == "":
        assert width_of(shown) <= width


def test_numbers_in_the_matrix_are_those_of_the_report():
    found = report(FASHION)
    shown, _ = confusion_table(found, 80)
    assert shown.cells[3] == ["3 Dress", *(str(n) if n else "·" for n in found.confusion[3].tolist())]


def test_headers_that_were_cut_to_the_same_stay_apart():
    long = [f"{'x' * 30}{i}" for i in range(3)]
    assert len(set(unlike([name[:24] for name in long]))) == 3
    assert len(confusion_table(report(long), 200)[0].headers) == 4


def test_of_very_many_classes_the_worst_are_listed():
    shown, note = class_table(report([f"c{i}" for i in range(200)], 5000))
    assert len(shown.cells) == 50 + 2
    assert "of 200" in note
    f1 = [float(row[3]) for row in shown.cells[:50]]
    assert f1 == sorted(f1)


@pytest.mark.parametrize(
    ("value", "text"), [(123456.7, "123,457"), (4985.63, "4985.6"), (0.123456, "0.12346"), (1e20, "1e+20")]
)  # fmt: skip
def test_amounts_have_the_digits_that_say_something(value, text):
    assert amount(value) == text


def test_a_test_set_that_was_looked_at_before_is_told():
    looked = Evaluation(at="2026-01-02T03:04:05.000000+00:00", split="test", examples=3, scores={})
    assert "for the first time" in looks_text([])
    assert "looked at once before, last at 2026-01-02 03:04 UTC" in looks_text([looked])
    assert "looked at 3 times before" in looks_text([looked] * 3)
