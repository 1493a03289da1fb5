"""`dnn data show` as it is typed."""

import json

import numpy as np
import pytest
from PIL import Image

from dnn_cli.cli.commands.data.show import show_data


@pytest.fixture
def run_data_show(capsys, monkeypatch, tmp_path):
    """What `dnn data show` prints, in this process, where scikit-learn is imported once."""
    monkeypatch.chdir(tmp_path)

    def show(*words, per_class=4, seed=0, as_json=False):
        show_data(list(words), per_class, seed, as_json)
        printed = capsys.readouterr().out
        return json.loads(printed) if as_json else printed

    return show


def test_images_of_every_class_are_printed(run_data_show):
    lines = run_data_show("digits", per_class=2).splitlines()
    assert lines[0] == "digits: 1,797 images, 8 × 8, 10 classes"
    assert lines[2] == "0 (178)"
    assert [line for line in lines if line.endswith(")")][-1] == "9 (180)"
    assert set("".join(lines[3:11])) <= set(" ░▒▓█")
    assert "█" in "".join(lines[3:11])
    assert max(map(len, lines[2:])) <= 2 * 16 + 2


def test_examples_depend_only_on_the_seed(run_data_show):
    first, again, other = (run_data_show("iris", seed=seed, as_json=True) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert [(group["name"], group["count"], len(group["examples"])) for group in first["classes"]] == [
        ("setosa", 50, 4), ("versicolor", 50, 4), ("virginica", 50, 4),
    ]  # fmt: skip
    assert all(0 <= example["index"] < 50 for example in first["classes"][0]["examples"])


def test_ascii_output_has_ascii_images(dnn):
    done = dnn("data", "show", "digits", "--per-class", "1", PYTHONIOENCODING="ascii")
    images = [line for line in done.stdout.splitlines()[1:] if not line.endswith(")")]
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert set("".join(images)) <= set(" .:-=+*#%@")
    assert "@" in "".join(images)


def test_a_table_has_rows_and_ranges(run_data_show):
    lines = run_data_show("iris", per_class=1).splitlines()
    heads, rows = lines[3], lines[5:]
    assert lines[1] == "setosa 50, versicolor 50, virginica 50"
    assert heads.split("  ")[0] == "class"
    assert "petal width (cm)" in heads
    assert [row.split()[0] for row in rows] == ["setosa", "versicolor", "virginica", "minimum", "mean", "maximum"]
    assert rows[-1].split()[3:] == ["7.9", "4.4", "6.9", "2.5"]


PEOPLE = """\
name: people
data:
  dataset: csv
  path: people.csv
  target: seen
  columns: {port: category, age: number, member: boolean, joined: date}
model: {layers: [{type: Dense, units: 1, activation: sigmoid}]}
loss: binary_crossentropy
"""


def test_typed_columns_have_the_cells_of_the_table(run_data_show, tmp_path):
    (tmp_path / "people.yaml").write_text(PEOPLE)
    (tmp_path / "people.csv").write_text(
        "port,age,member,joined,seen\nS,30,yes,2024-05-31,no\n,,no,,no\nQ,50,1,2024-06-01,yes\n"
    )
    lines = run_data_show("people.yaml").splitlines()
    assert lines[0] == "people.csv: 3 examples, 4 columns encoded into 9 inputs, 2 classes"
    assert [line.split() for line in lines[5:]] == [
        ["no", "S", "30", "yes", "2024-05-31"], ["no", "no"], ["yes", "Q", "50", "yes", "2024-06-01"],
        ["minimum", "of", "all", "30"], ["mean", "of", "all", "40"], ["maximum", "of", "all", "50"],
    ]  # fmt: skip
    document = run_data_show("people.yaml", as_json=True)
    assert document["features"] == ["port", "age", "member", "joined"]
    inputs = [example["input"] for group in document["classes"] for example in group["examples"]]
    assert inputs == [["S", 30, "yes", "2024-05-31"], [None, None, "no", None], ["Q", 50, "yes", "2024-06-01"]]


def test_regression_examples_are_sorted_by_target(run_data_show, tmp_path):
    rows = "\n".join(f"{i},{10 - i},{100.5 - i}" for i in range(9))
    (tmp_path / "houses.csv").write_text(f"rooms,age,price\n{rows}\n")
    lines = run_data_show("houses.csv", per_class=3).splitlines()
    assert lines[0] == "houses.csv: 9 examples, 2 features, 1 target"
    assert lines[2].split() == ["price", "rooms", "age"]
    prices = [float(line.split()[0]) for line in lines[4:7]]
    assert prices == sorted(prices)
    other = run_data_show("houses.csv", "data.target=age", "data.task=regression")
    assert other.splitlines()[2].split() == ["age", "rooms", "price"]


def test_unnamed_features_are_numbered(run_data_show, tmp_path):
    np.savez(tmp_path / "a.npz", x_train=np.arange(12.0).reshape(6, 2), y_train=[0, 1] * 3)
    assert run_data_show("a.npz").splitlines()[3].split("  ")[0] == "class"
    assert "number 2" in run_data_show("a.npz")


def test_sequences_of_a_network_are_rows_of_numbers(run_data_show, config, tmp_path):
    np.savez(tmp_path / "a.npz", x_train=np.arange(36.0).reshape(6, 3, 2), y_train=[0, 1] * 3)
    layers = "[{type: LSTM, units: 4}, {type: Dense, units: 2, activation: softmax}]"
    config(f"data: {{dataset: npz, path: a.npz}}\nmodel: {{layers: {layers}}}\noptimizer: adam\n", "a.yaml")
    lines = run_data_show("a.yaml").splitlines()
    assert lines[0] == "a.npz: 6 sequences, 3 time steps × 2 features, 2 classes"
    assert "[2, 1]" in lines[3]
    assert "6 images, 3 × 2" in run_data_show("a.npz"), "without a config, the arrays can be images"


def test_photos_are_drawn_in_colour(tmp_path):
    from rich.console import Console

    from dnn_cli.report.terminal_images import draw_images

    photo = np.zeros((1, 40, 60, 3), np.uint8)
    photo[..., 0] = 200
    console = Console(force_terminal=True, color_system="truecolor", width=80)
    with console.capture() as capture:
        for line in draw_images(photo, 0, 255, width=20, colour=True):
            console.print(line)
    assert "38;2;200;0;0" in capture.get()
    assert "48;2;200;0;0" in capture.get()


def test_data_of_a_config_excludes_the_test_set(run_data_show, config, tmp_path):
    for name, grey in (("dark", 10), ("light", 250)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("L", (6, 6), grey).save(tmp_path / "photos" / name / f"{number}.png")
    path = config(
        "data: {dataset: image_folder, path: photos, color_mode: grayscale, test_size: 0.4}\n"
        "model: {layers: [Flatten, {type: Dense, units: 2, activation: softmax}]}\n"
    )
    result = run_data_show(path, per_class=9, as_json=True)
    assert result["examples"] == 6
    assert sum(group["count"] for group in result["classes"]) == 6
    assert result["classes"][1]["examples"][0]["input"][0][0] == 250
    drawn = run_data_show(path, per_class=1)
    assert "██" in drawn.partition("light")[2]
    assert "██" not in drawn.partition("light")[0]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        pytest.param(["digts"], "digts is not a dataset or an existing path", "did you mean digits?", id="dataset"),
        pytest.param(["no.yaml"], "no.yaml does not exist", "", id="config"),
        pytest.param(["digits", "iris"], "accepts one config", "dnn data show digits", id="two"),
        pytest.param(["digits", "epochs=3"], "epochs=3 is not a key of data", "keys of data", id="no key of data"),
        pytest.param(["digits", "data.spilt_seed=3"], "spilt_seed", "did you mean split_seed?", id="unknown key"),
        pytest.param(["digits", "--per-class", "0"], "--per-class", "--help", id="none"),
    ],
)
def test_bad_arguments_are_refused(dnn, words, message, hint):
    done = dnn("data", "show", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert hint in done.stderr


def test_group_without_subcommand_prints_help(dnn):
    done = dnn("data")
    assert done.returncode == 0
    assert "show" in done.stdout
