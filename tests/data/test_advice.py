"""Advice before training names what the data makes hard, and nothing where it is fine."""

import numpy as np
import pytest

from dnn_cli.data.advice import data_advice
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.spec.load import load

HOUSES = "data: {dataset: csv, path: houses.csv}\nmodel: {layers: [{type: Dense, units: 1}]}\nloss: mse\nmetrics: []\n"


def houses(folder, rows=80):
    """C13: areas, years, incomes and an index, as they are."""
    rng = np.random.default_rng(1)
    area, year, income = rng.uniform(20, 300, rows), rng.integers(1900, 2021, rows), rng.uniform(1e4, 2e5, rows)
    numbered = enumerate(zip(area, year, income, strict=True))
    lines = [f"{n},{a:.0f},{y},{i:.0f},{a / 100 + i / 1e5:.2f}" for n, (a, y, i) in numbered]
    (folder / "houses.csv").write_text("\n".join(["Unnamed: 0,area,year,income,price", *lines]) + "\n")


def advice(config, *overrides):
    experiment = load(config(HOUSES), overrides).experiment
    examples = load_examples(experiment.data)
    return data_advice(experiment, examples, split_examples(experiment.data, examples))


def test_inputs_far_from_one_are_named_with_standardize_first(config, tmp_path):
    houses(tmp_path)
    first, second = advice(config)
    assert first.startswith("income goes from 1")
    assert "(all 4 inputs are far from 1)" in first
    assert first.endswith("(data.standardize=true)")
    assert second == "column Unnamed: 0 only numbers the rows  (data.ignore=['Unnamed: 0'])"


def test_what_is_standardized_and_ignored_needs_no_advice(config, tmp_path):
    houses(tmp_path)
    hints = [line.partition("  (")[2].removesuffix(")") for line in advice(config)]
    assert advice(config, *hints) == []
    (more,) = advice(config, "data.standardize=true", "data.ignore=[area]")
    assert more.endswith("(data.ignore=[area, 'Unnamed: 0'])")


@pytest.mark.parametrize(("name", "count"), [("iris", 0), ("wine", 1), ("digits", 0)])
def test_ready_made_data(config, name, count):
    layers = "model: {layers: [Flatten, {type: Dense, units: 3, activation: softmax}]}"
    units = "layers.1.units=10" if name == "digits" else "layers.1.units=3"
    experiment = load(config(f"data: {{dataset: {name}}}\n{layers}\n"), [units]).experiment
    examples = load_examples(experiment.data)
    assert len(data_advice(experiment, examples, split_examples(experiment.data, examples))) == count
