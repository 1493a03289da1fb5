import gzip
import os
import pty

import numpy as np
import pytest
import yaml
from PIL import Image

from dnn_cli.cli.commands.new import convert_hint_to_options
from dnn_cli.config.datasets import DATASETS
from dnn_cli.config.loading import load_experiment
from tests.helpers.processes import start_dnn
from tests.helpers.settings import ROOT


@pytest.fixture
def own(tmp_path):
    """Data of three kinds, in the directory where the program runs."""
    lines = [f"{i},{i % 7},{'good' if i % 2 else 'bad'}" for i in range(40)]
    (tmp_path / "my table.csv").write_text("\n".join(["size,age,label", *lines]))
    np.savez(tmp_path / "arrays.npz", x=np.arange(60.0).reshape(20, 3), y=np.linspace(0, 1, 20))
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "arrays" / "X_train.npy", np.arange(60.0).reshape(20, 3))
    np.save(tmp_path / "arrays" / "y_train.npy", np.arange(20) % 3)
    for name in ("cats", "dogs", "eels"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (6, 5), (number, 0, 0)).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize("name", [*DATASETS, "my table.csv", "arrays.npz", "arrays", "arrays/X_train.npy", "photos"])
def test_new_config_has_no_issues_or_advice(dnn, own, name):
    done = dnn("new", "first one.yaml", "--data", name)
    assert done.stdout == "wrote first one.yaml; next: dnn train 'first one.yaml'\n"
    loaded = load_experiment(str(own / "first one.yaml"))
    assert loaded.advice == ()
    assert loaded.experiment.data.dataset in (*DATASETS, "csv", "npz", "image_folder")


def test_leaking_columns_are_ignored_with_the_reason(dnn, tmp_path):
    random = np.random.default_rng(0)
    target = random.integers(0, 2, 100)
    columns = [np.arange(100), target * 2, *random.normal(0, 1, (3, 100)), target]
    rows = [",".join(f"{value:g}" for value in row) for row in zip(*columns, strict=True)]
    (tmp_path / "leak.csv").write_text("\n".join(["Unnamed: 0,leak,a,b,c,y", *rows]) + "\n")
    assert dnn("new", "a.yaml", "--data", "leak.csv").returncode == 0
    assert """
  # column Unnamed: 0 contains only row numbers
  # column leak alone predicts the target
  ignore: ["Unnamed: 0", "leak"]
""" in (tmp_path / "a.yaml").read_text()
    assert load_experiment(str(tmp_path / "a.yaml")).experiment.data.info.features == ("a", "b", "c")


def test_schema_in_the_directory_is_referenced(dnn, tmp_path):
    assert dnn("schema", "-o", "schema.json").returncode == 0
    assert dnn("new", "a.yaml").returncode == 0
    assert (tmp_path / "a.yaml").read_text().startswith("# yaml-language-server: $schema=schema.json\n")


def test_options_set_config_values(dnn, tmp_path):
    options = ["--hidden", "30,20", "--activation", "tanh", "--optimizer", "sgd", "--epochs", "7"]
    assert dnn("new", "a.yaml", "--data", "digits", *options).returncode == 0
    experiment = load_experiment(str(tmp_path / "a.yaml")).experiment
    assert [getattr(layer, "units", None) for layer in experiment.model.stack] == [None, 30, 20, 10]
    assert (experiment.model.stack[1].activation, experiment.optimizer.type, experiment.epochs) == ("tanh", "sgd", 7)


def test_keras_spellings_are_accepted(dnn, tmp_path):
    options = ["--hidden", "[30, 20]", "--activation", "swish", "--optimizer", "SGD"]
    assert dnn("new", "a.yaml", "--data", "digits", *options).returncode == 0
    experiment = load_experiment(str(tmp_path / "a.yaml")).experiment
    assert [getattr(layer, "units", None) for layer in experiment.model.stack] == [None, 30, 20, 10]
    assert (experiment.model.stack[1].activation, experiment.optimizer.type) == ("silu", "sgd")
    assert "{type: sgd, learning_rate: 0.01}" in (tmp_path / "a.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "shipped"), [("fashion_mnist", "relu_adam"), ("breast_cancer", "breast_cancer"), ("diabetes", "diabetes")]
)
def test_data_is_split_as_in_the_shipped_configs(dnn, tmp_path, name, shipped):
    assert dnn("new", "a.yaml", "--data", name).returncode == 0
    new_experiment, shipped_experiment = (
        load_experiment(str(path)).experiment for path in (tmp_path / "a.yaml", ROOT / "configs" / f"{shipped}.yaml")
    )
    # The scaling of the targets does not change the split.
    assert new_experiment.data.model_copy(update={"standardize_target": False}) == shipped_experiment.data


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["there.yaml"], "there.yaml already exists", id="a file that is there"),
        pytest.param(["config.txt"], "config.txt is not a valid path of a config", id="another ending"),
        pytest.param(["no/where.yaml"], "no does not exist", id="no directory"),
        pytest.param(["a.yaml", "--data", "irs"], "did you mean iris?", id="unknown dataset"),
        pytest.param(
            ["a.yaml", "--data", "there.yaml"],
            "is not a .csv, .tsv, .parquet, .npz or .npy file",
            id="another kind of file",
        ),
        pytest.param(["a.yaml", "--data", "broken.csv"], "broken.csv", id="data with a fault"),
        pytest.param(["a.yaml", "--data", "amounts.csv"], "write 1200: no", id="data with several faults"),
        pytest.param(["a.yaml", "--optimizer", "adamm"], "did you mean adam?", id="unknown optimizer"),
        pytest.param(["."], ". is not a valid path of a config", id="no file"),
        pytest.param(["a\nb.yaml"], "not a valid path of a config", id="a line end in the name"),
        pytest.param(["a.yaml", "--data", "prices.csv", "--task", "guess"], "guess is not a valid task", id="no task"),
        pytest.param(["a.yaml", "--data", "prices.csv", "--target", "prize"], "did you mean price?", id="no target"),
        pytest.param(["a.yaml", "--activation", "glu"], "these values cannot be trained", id="what cannot train"),
        pytest.param(["a.yaml", "--hidden", "100,x"], "x is not a whole number", id="units that are no number"),
    ],
)
def test_bad_arguments_are_one_line_and_no_file(dnn, tmp_path, words, message):
    (tmp_path / "there.yaml").write_text("mine")
    (tmp_path / "prices.csv").write_text("a,price\n" + "".join(f"{i},{i}.5\n" for i in range(9)))
    (tmp_path / "broken.csv").write_text("a,b\n1\n")
    (tmp_path / "amounts.csv").write_text('a,b\n"1,200",0\n"1,300",1\n')
    before = sorted(os.listdir(tmp_path))
    done = dnn("new", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "there.yaml").read_text() == "mine"


def test_text_columns_get_types_or_are_left_out_with_a_remark(dnn, tmp_path):
    rows = [f"{i},{'MF'[i % 2]},Bern,name {i},{i % 3 or ''},{i}.5" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,Sex,City,Name,Rooms,y", *rows]))
    done = dnn("new", "a.yaml", "--data", "t.csv")
    assert done.returncode == 0, done.stderr
    data = yaml.safe_load((tmp_path / "a.yaml").read_text())["data"]
    assert data["ignore"] == ["City", "Name", "a"]
    assert data["columns"] == {"Sex": "category", "Rooms": {"type": "number", "missing": "median"}}
    for reason in ("City has the same text in every row", "Name has a different text in every row", "a contains only"):
        assert f"column {reason}" in done.stderr
    assert "column Rooms: 14 missing cells, replaced by the median of the training examples" in done.stderr


def test_config_hint_becomes_an_option():
    assert convert_hint_to_options("use task: regression to predict") == "use --task regression to predict"
    hint = """leave it out: 'data.ignore=["a,b"]'"""
    assert convert_hint_to_options(hint) == hint
    assert convert_hint_to_options("use path: photos/all") == "use --data photos/all"


def test_directory_with_train_and_test_sets_uses_both(dnn, own):
    for part in ("train", "test"):
        for name in ("cats", "dogs"):
            (own / "sets" / part / name).mkdir(parents=True)
            for number in range(10):
                size = (6 + number % 2, 5)
                Image.new("RGB", size, (number, 0, 0)).save(own / "sets" / part / name / f"{number}.png")
    done = dnn("new", "a.yaml", "--data", "sets")
    assert done.returncode == 0, done.stderr
    assert "data: sets: train has the training examples, test has the test examples" in done.stderr
    data = load_experiment(str(own / "a.yaml")).experiment.data
    assert (data.path, data.test_path) == (str(own / "sets"), None)
    assert (data.image_size, data.test_size, data.test_examples) == ((5, 6), 0.0, 20)


@pytest.mark.parametrize(("height", "width"), [(3024, 4032), (600, 800)], ids=["phone", "camera"])
def test_photographs_of_any_size_get_a_small_size(dnn, own, height, width):
    for name in ("cats", "dogs"):
        (own / "pictures" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (width, height), (number, 0, 0)).save(own / "pictures" / name / f"{number}.jpg")
    done = dnn("new", "photos.yaml", "--data", "pictures")
    assert done.returncode == 0, done.stderr
    comment = f"the images are {height:,} × {width:,}; larger values cost time and memory"
    (line,) = [line for line in (own / "photos.yaml").read_text().splitlines() if "image_size" in line]
    assert line.split("#")[0].strip() == "image_size: [96, 128]"
    assert line.split("# ")[1] == comment
    assert dnn("check", "photos.yaml").returncode == 0


@pytest.mark.parametrize(("unit", "expected"), [("000", True), ("e-6", True), ("e-1", False)])
def test_large_and_small_targets_are_standardized(dnn, tmp_path, unit, expected):
    rows = "".join(f"{i},{i}{unit},north\n" for i in range(40))
    (tmp_path / "prices.csv").write_text(f"a,price,region\n{rows}")
    options = ["--target", "price", "--ignore", "region"]
    assert dnn("new", "a.yaml", "--data", "prices.csv", *options).returncode == 0
    experiment = load_experiment(str(tmp_path / "a.yaml")).experiment
    assert experiment.data.standardize_target is expected


def test_tiny_class_disables_stratification(dnn, tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n0,rare\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    assert dnn("new", "a.yaml", "--data", "t.csv").returncode == 0
    assert not load_experiment(str(tmp_path / "a.yaml")).experiment.data.stratify


def test_compressed_table_is_read(dnn, tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,y\n" + b"1,no\n2,yes\n" * 20))
    done = dnn("new", "a.yaml", "--data", "t.csv.gz")
    assert done.returncode == 0, done.stderr
    assert load_experiment(str(tmp_path / "a.yaml")).experiment.data.info.classes == ("no", "yes")


def test_ambiguous_target_hints_at_the_option(dnn, tmp_path):
    (tmp_path / "t.csv").write_text("label,a\n1,2\n")
    assert "use --target label or --target a" in dnn("new", "a.yaml", "--data", "t.csv").stderr


def answer_questions(directory, answers):
    """Return the experiment that a user on a terminal gets with these answers."""
    main, terminal = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    with start_dnn(directory, "new", "asked.yaml", **streams) as process:
        os.close(terminal)
        os.write(main, answers)
        assert process.wait(60) == 0
    os.close(main)
    return load_experiment(str(directory / "asked.yaml")).experiment


def test_terminal_user_is_asked(tmp_path):
    experiment = answer_questions(tmp_path, b"mnst\nmnist\n8,x\n8, 4\n\nAdam\nmany\n7\n")
    assert (experiment.data.dataset, experiment.optimizer.type, experiment.epochs) == ("mnist", "adam", 7)
    assert [layer.units for layer in experiment.model.stack[1:]] == [8, 4, 10]


def test_terminal_user_is_asked_for_the_target_of_a_table(own):
    experiment = answer_questions(own, b"my table.csv\naeg\nage\n\n\n\n\n")
    assert experiment.data.target == "age"


def test_overrides_set_keys_of_own_files(dnn, own):
    done = dnn("new", "a.yaml", "--data", "arrays.npz", "data.scale=4")
    assert done.returncode == 0, done.stderr
    assert load_experiment(str(own / "a.yaml")).experiment.data.scale == 4
    for override in ("epochs=3", "data.validation_size=5", "data.sclae=4"):
        refused = dnn("new", "b.yaml", "--data", "arrays.npz", override)
        assert refused.returncode == 2
        assert f"{override} is not a key for your own files" in refused.stderr
    assert not (own / "b.yaml").exists()


def test_configs_for_arrays_name_layers_for_sequences(dnn, tmp_path):
    labels = np.arange(20) % 2
    for name, shape, layer in (("steps", (20, 6, 3), "LSTM"), ("words", (20, 6), "Embedding")):
        np.savez(tmp_path / f"{name}.npz", x=np.ones(shape), y=labels)
        assert dnn("new", f"{name}.yaml", "--data", f"{name}.npz").returncode == 0
        comments = [line for line in (tmp_path / f"{name}.yaml").read_text().splitlines() if line.startswith("    # ")]
        assert f"{{type: {layer}," in "".join(comments)
