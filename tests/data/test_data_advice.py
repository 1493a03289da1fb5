"""Advice before training names what the data makes hard, and nothing where it is fine."""

import shlex

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.data_advice import list_data_advice
from dnn_cli.data.examples import load_examples, split_examples
from tests.helpers.house_prices import write_houses_csv

HOUSES = "data: {dataset: csv, path: houses.csv}\nmodel: {layers: [{type: Dense, units: 1}]}\nloss: mse\nmetrics: []\n"


def list_advice(config, *overrides):
    experiment = load_experiment(config(HOUSES), overrides).experiment
    examples = load_examples(experiment.data)
    return list_data_advice(experiment, examples, split_examples(experiment.data, examples))


def test_advice_on_large_inputs_suggests_standardizing(config, tmp_path):
    write_houses_csv(tmp_path)
    first, second = list_advice(config)
    assert first.startswith("income ranges from 1")
    assert "(all 4 inputs have a scale far from 1)" in first
    assert first.endswith("(data.standardize=true)")
    assert second == "column Unnamed: 0 contains only row numbers  ('data.ignore=[\"Unnamed: 0\"]')"


def test_advice_on_large_sequences_keeps_the_values_that_a_mask_needs(config, tmp_path):
    np.savez(tmp_path / "rows.npz", x=np.arange(400, dtype=np.float32).reshape(40, 5, 2) + 0.5, y=np.arange(40) % 2)
    layers = ["Masking", "{type: LSTM, units: 2}", "{type: Dense, units: 2, activation: softmax}"]
    text = "data: {dataset: npz, path: rows.npz}\n"
    for rescaling, count in (([], 1), (["{type: Rescaling, scale: 0.01}"], 0)):
        stack = ", ".join([layers[0], *rescaling, *layers[1:]])
        experiment = load_experiment(config(f"{text}model: {{layers: [{stack}]}}\n"), []).experiment
        examples = load_examples(experiment.data)
        advice = list_data_advice(experiment, examples, split_examples(experiment.data, examples))
        assert len([line for line in advice if line.endswith("(put Rescaling after Masking)")]) == count


def test_no_advice_after_standardizing_and_ignoring(config, tmp_path):
    write_houses_csv(tmp_path)
    hints = [shlex.split(line.partition("  (")[2].removesuffix(")"))[0] for line in list_advice(config)]
    assert list_advice(config, *hints) == []
    (more,) = list_advice(config, "data.standardize=true", "data.ignore=[area]")
    assert more.endswith("""('data.ignore=["area", "Unnamed: 0"]')""")


@pytest.mark.parametrize(("name", "count"), [("iris", 0), ("wine", 1), ("digits", 0)])
def test_advice_count_for_builtin_datasets(config, name, count):
    layers = "model: {layers: [Flatten, {type: Dense, units: 3, activation: softmax}]}"
    units = "layers.1.units=10" if name == "digits" else "layers.1.units=3"
    experiment = load_experiment(config(f"data: {{dataset: {name}}}\n{layers}\n"), [units]).experiment
    examples = load_examples(experiment.data)
    assert len(list_data_advice(experiment, examples, split_examples(experiment.data, examples))) == count


def test_advice_on_a_validation_set_of_few_examples(config, tmp_path):
    (tmp_path / "houses.csv").write_text("area,price\n" + "".join(f"{at % 7 / 7},{at / 9}\n" for at in range(20)))
    few = "say little about other examples  (add examples)"
    assert [line for line in list_advice(config, "data.validation_size=1") if few in line] == [
        f"validation scores of 1 example {few}"
    ]
    for size in ("5", "0"):
        assert not [line for line in list_advice(config, f"data.validation_size={size}") if few in line]
    assert "  (use fewer folds, or add examples)" in "".join(list_advice(config, "data.folds=10"))
