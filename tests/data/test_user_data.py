"""User data from a config to examples: dataset info, splits, and every issue in one line."""

import numpy as np
import pytest
from PIL import Image

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import load_examples, load_test_examples, split_examples
from dnn_cli.errors import ConfigError, UserDataError
from dnn_cli.formats import csv_table
from tests.helpers.cli_output import parse_json_output

TABLE = "size,age,label\n" + "".join(f"{i},{i % 7},{'good' if i % 3 else 'bad'}\n" for i in range(30))
CONFIG = """\
data: {dataset: csv, path: table.csv}
model:
  layers: [{type: Dense, units: 2, activation: softmax}]
"""


@pytest.fixture
def table(config, tmp_path):
    """Write a config next to its csv file."""
    (tmp_path / "table.csv").write_text(TABLE)
    return config(CONFIG)


def load_data(file, *overrides):
    return load_experiment(file, overrides).experiment.data


def test_csv_dataset_info_and_examples(table):
    data = load_data(table)
    assert (data.input_shape, data.info.classes, data.info.examples) == ((2,), ("bad", "good"), 30)
    examples = load_examples(data)
    assert examples.inputs.dtype == np.float32
    assert examples.targets.tolist() == [int(i % 3 > 0) for i in range(30)]


def test_paths_are_relative_to_config_or_to_override(table, tmp_path, monkeypatch):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "other.csv").write_text(TABLE.replace("size", "width"))
    monkeypatch.chdir(other)
    assert load_data(table).path == str(tmp_path / "table.csv")
    assert load_data(table, "data.path=other.csv").path == str(other / "other.csv")


def test_separate_validation_and_test_files_are_used(table, tmp_path):
    (tmp_path / "later.csv").write_text("size,age,label\n1,2,good\n3,4,bad\n")
    (tmp_path / "last.csv").write_text("size,age,label\n5,6,good\n")
    data = load_data(table, f"data.validation_path={tmp_path}/later.csv", f"data.test_path={tmp_path}/last.csv")
    examples = load_examples(data)
    split = split_examples(data, examples)
    assert (data.training_examples, data.validation_examples, data.test_examples) == (30, 2, 1)
    assert examples.inputs[split.validation].tolist() == [[1, 2], [3, 4]]
    assert load_test_examples(data).inputs.tolist() == [[5, 6]]
    assert load_test_examples(data).targets.tolist() == [1]


def test_decisions_about_a_table_are_keys_of_the_config(table, tmp_path):
    text = TABLE.replace(",", ";").replace("good", "좋은 것").replace("bad", "나쁜 것")
    (tmp_path / "table.csv").write_bytes(text.encode("cp949"))
    data = load_data(table)
    decisions = (data.rules, data.target, data.task, data.delimiter, data.encoding)
    assert decisions == (2, "label", "classification", ";", "cp949")
    examples = load_examples(data)
    (tmp_path / "later.csv").write_text(text.replace(";", ","))
    data = load_data(table, f"data.validation_path={tmp_path / 'later.csv'}")
    assert (data.delimiter, data.encoding) == (None, None)
    both = load_examples(data)
    assert np.array_equal(both.inputs, np.concatenate([examples.inputs] * 2))
    assert np.array_equal(both.targets, np.concatenate([examples.targets] * 2))


def test_table_is_parsed_once_for_the_check_and_the_training(table, monkeypatch):
    csv_table.parse_table.cache_clear()
    calls = []
    open_rows = csv_table.open_rows
    monkeypatch.setattr(csv_table, "open_rows", lambda *arguments: calls.append(arguments) or open_rows(*arguments))
    load_examples(load_data(table))
    assert len(calls) == 1


def test_npz_splits_are_used(config, tmp_path):
    x, y = np.arange(0, 240, 10).astype(np.uint8).reshape(6, 2, 2), np.array([0, 1, 2, 0, 1, 2])
    np.savez(tmp_path / "a.npz", x_train=x[:3], y_train=y[:3], x_val=x[3:5], y_val=y[3:5], x_test=x[5:], y_test=y[5:])
    text = "data: {dataset: npz, path: a.npz}\nmodel: {layers: [Flatten, {type: Dense, units: 3, activation: softmax}]}"
    data = load_data(config(text))
    assert (data.info.pixel_max, data.training_examples, data.validation_examples, data.test_examples) == (
        255,
        3,
        2,
        1,
    )
    assert split_examples(data, load_examples(data)).validation.tolist() == [3, 4]


def test_image_directory_is_trained_on(dnn, config, tmp_path):
    random = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 128)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(low, low + 128, (6, 6, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    config(
        "data: {dataset: image_folder, path: photos, stratify: true, validation_size: 0.25, test_size: 0.25, "
        "standardize: true}\n"
        "model: {layers: [Flatten, {type: Dense, units: 1, activation: sigmoid, kernel_initializer: zeros}]}\n"
        "loss: binary_crossentropy\nepochs: 3\nengine: keras\noptimizer: {type: adam, learning_rate: 0.05}\n",
        "photos.yaml",
    )
    (run,) = parse_json_output(dnn("train", "photos.yaml", "--json"))["runs"]
    assert run["last"]["val_accuracy"] == 1.0
    assert parse_json_output(dnn("evaluate", "photos", "--json"))["examples"] == 6


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        pytest.param(["data.path=gone.csv"], "data.path  gone.csv", id="no such file"),
        pytest.param(["data.target=lable"], "(did you mean label?)", id="no such column"),
        pytest.param(["data.validation_path=other.csv"], "other.csv", id="classes that training has not"),
        pytest.param(["data.validation_path=swapped.csv"], "columns age, size, but", id="columns in another order"),
        pytest.param(
            ["data.validation_path=table.csv"], "data.validation_path  is the same path as data.path", id="same"
        ),
        pytest.param(["data.ignore=[colour]"], "data.ignore  table.csv:1  has no column colour", id="no such"),
        pytest.param(["data.validation_size=0.99"], "leaves none of the 30 examples", id="nothing to train on"),
    ],
)
def test_data_errors_are_config_errors(table, tmp_path, monkeypatch, overrides, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.csv").write_text("size,age,label\n1,2,worse\n")
    (tmp_path / "swapped.csv").write_text("age,size,label\n1,2,good\n")
    with pytest.raises(ConfigError) as refused:
        load_experiment(table, overrides)
    (fault,) = refused.value.issues
    assert line in str(fault).replace(f"{tmp_path}/", "")


def test_ignored_columns_are_not_inputs(table, tmp_path):
    (tmp_path / "table.csv").write_text("id,size,label,region\n" + "".join(f"x,{i},{i % 2},north\n" for i in range(9)))
    data = load_data(table, "data.ignore=[id, region]")
    assert data.info.target == "label"
    assert load_examples(data).inputs[:3].tolist() == [[0], [1], [2]]


def test_validation_file_needs_the_training_target(table, tmp_path):
    (tmp_path / "later.csv").write_text("size,age,other\n1,2,good\n")
    with pytest.raises(ConfigError, match=r"later\.csv:1  has no column label"):
        load_experiment(table, [f"data.validation_path={tmp_path}/later.csv"])


def test_validation_inputs_on_another_scale_are_refused(config, tmp_path):
    pixels = np.arange(0, 256, 2).astype(np.uint8).reshape(4, 4, 8)
    np.savez(tmp_path / "a.npz", x_train=pixels, y_train=[0, 1, 0, 1], x_val=pixels / 255.0, y_val=[0, 1, 0, 1])
    text = "data: {dataset: npz, path: a.npz}\nmodel: {layers: [Flatten, {type: Dense, units: 2, activation: softmax}]}"
    with pytest.raises(ConfigError, match=r"x_val ranges from 0 to 0.*, but x_train from 0 to 254"):
        load_experiment(config(text))


def test_classes_with_gaps_that_look_like_measurements_get_a_hint(config, tmp_path):
    labels = np.delete(np.arange(100), 50)
    np.savez(tmp_path / "a.npz", x=np.ones((99, 3)), y=labels)
    text = "data: {dataset: npz, path: a.npz}\nmodel: {layers: [{type: Dense, units: 99, activation: softmax}]}"
    with pytest.raises(
        ConfigError, match=r"if the numbers are classes, write data\.task: classification; else use mean"
    ):
        load_experiment(config(text))
    assert load_data(config(text), "data.task=classification").info.classes[50] == "51"


def test_data_changed_after_the_check_is_refused(config, tmp_path):
    for number in range(6):
        directory = tmp_path / "photos" / "ab"[number % 2]
        directory.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(directory / f"{number}.png")
    text = "data: {dataset: image_folder, path: photos}\nmodel: {layers: [Flatten, {type: Dense, units: 2, activation: "
    data = load_data(config(text + "softmax}]}"))
    assert data.info.examples == 6
    Image.new("L", (4, 4)).save(tmp_path / "photos" / "a" / "more.png")
    with pytest.raises(UserDataError, match="photos has changed since the config was checked"):
        load_examples(data)
    assert load_data(config(text + "softmax}]}")).info.examples == 7


def test_one_output_for_integer_targets_suggests_regression(table, tmp_path):
    (tmp_path / "table.csv").write_text("a,rooms\n" + "".join(f"{i},{i % 5}\n" for i in range(30)))
    overrides = ["layers.0={type: Dense, units: 1}", "loss=mse"]
    with pytest.raises(ConfigError, match=r"if the targets are quantities, write data\.task: regression"):
        load_experiment(table, overrides)
    data = load_data(table, *overrides, "data.task=regression", "metrics=[mae]")
    assert load_examples(data).targets[:3].tolist() == [[0], [1], [2]]


def test_every_csv_error_is_one_line(dnn, table, tmp_path):
    (tmp_path / "table.csv").write_text(TABLE + "1,,good\n2,x,bad\n3,4\n")
    done = dnn("check", "digits.yaml")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert [line.split("table.csv:")[1].split("  ")[0] for line in lines] == ["32", "33", "34"]
    assert all(line.startswith("digits.yaml:1:") and line.isprintable() for line in lines)


@pytest.mark.parametrize("verb", ["check", "train"])
def test_broken_image_is_an_error_and_makes_no_run(dnn, config, tmp_path, verb):
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (4, 4)).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "photos" / "b" / "2.png").write_bytes(b"\x89PNG no image")
    config("data: {dataset: image_folder, path: photos, color_mode: grayscale}\nmodel: {layers: [Flatten, "
           "{type: Dense, units: 2, activation: softmax}]}\n", "photos.yaml")  # fmt: skip
    done = dnn(verb, "photos.yaml")
    assert done.returncode == 2
    output = done.stdout + done.stderr
    assert "2.png" in output
    assert "Traceback" not in output
    assert not (tmp_path / "runs").exists()


def test_check_lists_all_damaged_images(dnn, config, tmp_path):
    for number in range(12):
        directory = tmp_path / "photos" / "ab"[number % 2]
        directory.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(directory / f"{number}.png")
    for file in ("a/2.png", "b/3.png", "b/7.png"):
        (tmp_path / "photos" / file).write_bytes(b"<html>")
    config("data: {dataset: image_folder, path: photos, color_mode: grayscale}\nmodel: {layers: [Flatten, "
           "{type: Dense, units: 2, activation: softmax}]}\n", "photos.yaml")  # fmt: skip
    done = dnn("check", "photos.yaml")
    assert done.returncode == 2
    assert [line.split("photos/")[1].split(" ")[0] for line in done.stdout.splitlines()] == [
        "a/2.png",
        "b/3.png",
        "b/7.png",
    ]
    assert "data.skip_damaged=true" in done.stdout
    assert dnn("check", "photos.yaml", "data.skip_damaged=true").returncode == 0


def test_class_with_one_example_cannot_be_stratified(table, tmp_path):
    (tmp_path / "table.csv").write_text(TABLE + "1,1,rare\n")
    data = load_data(table, "data.stratify=true", "layers.0.units=3")
    with pytest.raises(UserDataError, match=r"data\.stratify: 31 examples of 3 classes \(1 of rare\)"):
        split_examples(data, load_examples(data))


def test_stratified_split_keeps_class_shares(table):
    data = load_data(table, "data.stratify=true", "data.test_size=0.2", "data.validation_size=0.25")
    examples = load_examples(data)
    split = split_examples(data, examples)
    assert [len(split.train), len(split.validation), len(split.test)] == [18, 6, 6]
    assert [int(examples.targets[part].sum()) for part in (split.train, split.validation, split.test)] == [12, 4, 4]
    assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(range(30))
