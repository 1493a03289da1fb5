"""The encoding and the scaling of a typed table know the training examples alone."""

import numpy as np

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.encoded_examples import encode_examples
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.input_statistics import build_input_profile
from dnn_cli.data.preprocessing import compute_preprocessing


def build_profile(path):
    """Return the input profile of a table, its examples and their split."""
    experiment = Experiment.model_validate({
        "name": "t",
        "data": {
            "dataset": "csv", "path": str(path), "target": "y", "task": "classification", "test_size": 0.2,
            "columns": {"kind": "category", "size": "number", "when": "date"},
        },
        "model": {"layers": [{"type": "Dense", "units": 1, "activation": "sigmoid"}]},
        "loss": "binary_crossentropy",
    })  # fmt: skip
    data, raw = experiment.data, load_examples(experiment.data)
    split = split_examples(data, raw)
    examples = encode_examples(data, raw, split)
    preprocessing = compute_preprocessing(experiment, examples, split)
    return build_input_profile(data.info, examples, split, preprocessing), split


def write_table(path, rows):
    path.write_text("kind,size,when,y\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))


def test_values_outside_of_the_training_part_change_nothing(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        [str(rng.choice(["a", "b", "c"])), round(float(rng.normal(50, 5)), 2), f"2024-03-{1 + at % 28:02d}", at % 2]
        for at in range(200)
    ]
    # A gap in a training example gives both tables an indicator input.
    rows[0][1] = ""
    write_table(tmp_path / "plain.csv", rows)
    plain, split = build_profile(tmp_path / "plain.csv")
    for index in (*split.validation, *split.test):
        rows[index] = ["planted", 1e9, "1990-01-01", rows[index][3]]
    write_table(tmp_path / "planted.csv", rows)
    planted, planted_split = build_profile(tmp_path / "planted.csv")
    assert np.array_equal(split.train, planted_split.train)
    for before, after in zip(plain.encoding.columns, planted.encoding.columns, strict=True):
        assert (before.replacement, before.first_day, before.categories) == (
            after.replacement,
            after.first_day,
            after.categories,
        )
    assert planted.encoding.columns[0].categories == ("a", "b", "c")
    # The table with the planted category has one input more, which no training example uses.
    own = [planted.encoding.input_names.index(name) for name in plain.encoding.input_names]
    for name in ("mean", "scale", "minimum", "maximum", "average", "deviation"):
        np.testing.assert_array_equal(getattr(planted, name)[own], getattr(plain, name))
    (extra,) = set(range(len(planted.encoding.input_names))) - set(own)
    assert planted.maximum[extra] == planted.mean[extra] == 0
