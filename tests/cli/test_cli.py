"""The program as a user has it: a process, its two streams, its exit code."""

import json
import os
import signal
import subprocess
import sys

import pytest

from dnn_cli.cli.app import main
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import DIGITS_YAML, DIVERGING_OVERRIDES, QUICK_OVERRIDES
from tests.helpers.forked_cli import run_in_child, start_command
from tests.helpers.settings import ROOT
from tests.helpers.terminal import run_on_terminal

ESCAPE = "\x1b"


def test_train_creates_a_run_and_prints_a_summary(dnn, config, tmp_path):
    averages = ["optimizer.use_ema=true", "optimizer.ema_momentum=0.5", "swap_ema_weights={}"]
    done = dnn("train", config(), "batch_size=479", "jit=false", *averages)
    assert done.returncode == 0
    (directory,) = (tmp_path / "runs").iterdir()
    lines = done.stdout.splitlines()
    assert lines[0].startswith("digits completed: 2 epochs in ")
    assert lines[1].startswith("  last  epoch 2  val_loss ")
    assert lines[2].startswith("  best  epoch 2  val_loss ")
    assert lines[3] == f"  path  runs/{directory.name}"
    assert lines[4].startswith("  next  dnn train ")
    assert lines[4].endswith(" optimizer=sgd optimizer.use_ema=true"), "the callback needs the averages"
    notes = done.stderr.splitlines()
    assert notes[:3] == [
        "digits: Flatten → Dense 16 relu → Dense 10 softmax, 1,210 parameters",
        "  adam use_ema=true ema_momentum=0.5, sparse_categorical_crossentropy, batch size 479, 2 epochs, seed 42",
        "  digits: 1,437 images for training, 360 for validation, 8 × 8, 10 classes",
    ]
    assert notes[6].split() == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "time"]
    assert [line.split()[0] for line in notes[7:]] == ["1/2", "2/2"]
    assert len(notes) == 9, "TensorFlow's own words are in the log alone"
    assert ESCAPE not in done.stdout + done.stderr
    assert set(notes) <= set((directory / "train.log").read_text().splitlines())


def test_several_configs_are_trained_one_after_the_other(dnn, config):
    second = config(DIGITS_YAML.replace("digits\n", "second\n", 1), "b.yaml")
    runs = parse_json_output(dnn("train", config(), second, *QUICK_OVERRIDES, "--json"))["runs"]
    assert [(run["name"], run["epochs"], run["status"]) for run in runs] == [
        ("digits", 1, "completed"), ("second", 1, "completed"),
    ]  # fmt: skip
    assert runs[0]["last"]["loss"] == runs[1]["last"]["loss"], "the first training does not influence the second"


def test_diverged_run_prints_advice_and_exits_with_1(dnn, config, tmp_path):
    done = dnn("train", config(), *QUICK_OVERRIDES, *DIVERGING_OVERRIDES)
    assert done.returncode == 1
    assert "digits diverged: " in done.stdout
    assert "the loss became NaN or infinite in epoch " in done.stdout
    (suggestion,) = [line for line in done.stdout.splitlines() if line.startswith("  next  ")]
    words = suggestion.split()
    assert (words[1:3], words[-1]) == (["dnn", "train"], "optimizer.learning_rate=0.01")
    (directory,) = (tmp_path / "runs").iterdir()
    assert json.loads((directory / "run.json").read_text())["status"] == "diverged"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["train"], "Missing argument", id="no config"),
        pytest.param(["train", "epochs=3"], "no config is named", id="only an override"),
        pytest.param(["train", "digit.yaml"], "digit.yaml does not exist", id="no such file"),
        pytest.param(["train", "digits.yaml", "epochs=no"], "epochs=no  epochs  needs a whole number", id="override"),
        pytest.param(["trian"], "trian", id="no such verb"),
        pytest.param(["train", "digits.yaml", "--fast"], "--fast", id="no such option"),
        pytest.param(["summary", "@7"], "no run @7", id="no such run"),
        pytest.param(["compare", "x"], "no run x", id="no such run to compare"),
        pytest.param(["list", "layrs"], "unknown kind of names: layrs", id="no such kind"),
        pytest.param(["list", "layers", "dens"], "no layer is named dens", id="no such name"),
        pytest.param(["compare", "--json", "--csv"], "cannot be combined", id="two formats"),
    ],
)
def test_bad_usage_is_one_clear_message_exit_2_and_no_run(dnn, config, tmp_path, words, message):
    config()
    done = dnn(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not (tmp_path / "runs").exists()


def test_all_configs_are_checked_before_training(dnn, config, tmp_path):
    config("epoch: 1\n" + DIGITS_YAML, "bad.yaml")
    config()
    done = dnn("train", "digits.yaml", "bad.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "bad.yaml:1:1  epoch  is not a key of a config  (did you mean epochs?)\n"
    assert not (tmp_path / "runs").exists()


def test_check_prints_issues_and_advice(dnn, config):
    config()
    config("epoch: 1\n" + DIGITS_YAML, "bad.yaml")
    config(DIGITS_YAML.replace("units: 16", "units: 6"), "narrow.yaml")
    done = dnn("check", "digits.yaml", "bad.yaml", "narrow.yaml")
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "digits.yaml  ok",
        "bad.yaml:1:1  epoch  is not a key of a config  (did you mean epochs?)",
        "advice: narrow.yaml:6:21  model.layers.1.units  a hidden layer of 6 units is narrower than the output of 10 "
        "and loses information",
    ]
    files = parse_json_output(dnn("check", "--json", "bad.yaml"))["files"]
    assert files == [
        {"file": "bad.yaml", "advice": [], "faults": [
            {"source": "bad.yaml", "line": 1, "column": 1, "key": "epoch", "message": "is not a key of a config",
             "suggestion": "did you mean epochs?"}], "remarks": []}
    ]  # fmt: skip


def test_summary_of_a_config_and_of_a_run(dnn, config, make_run):
    run = make_run()
    of_config = parse_json_output(dnn("summary", config(), "--json"))
    assert of_config == parse_json_output(dnn("summary", run.directory.name[-8:], "--json"))
    assert of_config["layers"][1] == {
        "name": "hidden", "type": "Dense", "output_shape": [None, 16], "parameters": 1040,
        "trainable_parameters": 1040, "formula": "64 × 16 + 16",
    }  # fmt: skip
    assert of_config["parameters"] == {"total": 1210, "trainable": 1210, "non_trainable": 0, "bytes": 4840}
    output = dnn("summary", config(), "model.name=패션 MNIST 모델").stdout
    assert output.splitlines()[0] == "패션 MNIST 모델   input (None, 8, 8)"
    assert "hidden   Dense    (None, 16)    64 × 16 + 16 = 1,040" in output


def test_compare_with_one_seed_each_is_undecided(dnn, make_run):
    make_run("name=first", digits="00000001", curve=(0.5, 0.8))
    make_run("name=second", "optimizer=sgd", digits="00000002", curve=(0.4, 0.7))
    make_run("name=broken", digits="00000003").record.write_text("{")
    done = dnn("compare")
    assert done.returncode == 0
    title, _, header, _, *rows = done.stdout.splitlines()
    assert title == "val_accuracy at the end of training, 2 completed runs of 2 experiments"
    assert header.split() == ["adam", "sgd"]
    assert [row.split() for row in rows[:3]] == [
        ["optimizer", "adam", "sgd"], ["parameters", "1,210", "1,210"], ["val_accuracy", "0.8000", "0.7000"],
    ]  # fmt: skip
    assert "sgd compared with adam: undecided: −10.00 points with one seed each" in done.stdout
    assert "one seed each gives no verdict" in done.stdout
    assert "a verdict on the settings needs at least 3 seeds of each group; 4 runs to train" in done.stdout
    assert "dnn sweep runs/20260101-000000-first-00000001/config.yaml optimizer=adam,sgd seed=42..44" in done.stdout
    assert "broken: run.json is not JSON" in done.stderr


def test_compare_table_lists_differing_settings(dnn, make_run):
    for number, optimizer in enumerate(("adam", "sgd", "rmsprop"), 1):
        make_run(f"name={optimizer}", f"optimizer={optimizer}", digits=f"0000000{number}", curve=(0.5, number / 10))
    _, _, header, _, first, *_ = dnn("compare").stdout.splitlines()
    assert header.split()[:9] == ["name", "optimizer", "parameters", "final", "best", "epochs", "time", "curve", "id"]
    assert header.endswith("  compared with rmsprop")
    assert first.split()[:8] == ["rmsprop", "rmsprop", "1,210", "0.3000", "0.5000", "2", "2.0", "s"]
    assert first.endswith(" 00000003  the best mean")


@pytest.mark.parametrize(
    ("option", "first"),
    [("--csv", "id,name,optimizer,"), ("--md", "| name | optimizer | parameters | final | best |")],
    ids=["csv", "markdown"],
)
def test_compare_in_other_formats(dnn, make_run, option, first):
    make_run("name=first", digits="00000001")
    make_run("name=second", "optimizer=sgd", digits="00000002")
    done = dnn("compare", option)
    assert done.stdout.startswith(first)
    assert len(done.stdout.splitlines()) == {"--csv": 3, "--md": 4}[option]


def test_compare_json_has_the_documented_keys(dnn, make_run):
    make_run("name=first", digits="00000001")
    make_run("name=second", "optimizer=sgd", digits="00000002", curve=(0.4, 0.7))
    compared = parse_json_output(dnn("compare", "--json"))
    assert compared["groups"][0] == {
        "name": "adam", "kind": "network", "config_diff": {"optimizer": "adam"}, "seeds": [42], "folds": [],
        "mean": 0.8, "standard_deviation": None, "interval": None, "runs": ["00000001"], "set_aside": [],
        "failed_seeds": {},
    }  # fmt: skip
    (pair,) = compared["pairs"]
    assert (pair["a"], pair["b"], pair["verdict"], pair["p_value"]) == ("adam", "sgd", "undecided", None)
    assert pair["reason"] == "first 00000001 has no predictions.npz"
    assert compared["warnings"] == []


def test_runs_lists_broken_runs_too(dnn, make_run):
    make_run('name="[red]x[/red]"', digits="00000001")
    make_run(digits="00000002", status="running", stamp="20260102-000000")
    broken = make_run(digits="00000003", stamp="20260103-000000")
    broken.record.write_text('{"name": "\x1b[31mred"')
    done = dnn("runs")
    assert "[red]x[/red]" in done.stdout
    assert "interrupted" in done.stdout
    assert "broken" in done.stdout
    assert ESCAPE not in done.stdout
    listed = parse_json_output(dnn("runs", "--json"))["runs"]
    assert [run["status"] for run in listed] == ["broken", "interrupted", "completed"]
    assert listed[2]["best"] == {"epoch": 2, "val_accuracy": 0.8}


def test_runs_directory_is_an_option_or_a_variable(dnn, make_run, tmp_path):
    make_run()
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    assert len(parse_json_output(dnn("runs", "--runs-dir", "elsewhere", "--json"))["runs"]) == 1
    assert len(parse_json_output(dnn("runs", "--json", DNN_RUNS_DIR="elsewhere"))["runs"]) == 1
    assert "no runs in" in dnn("runs").stderr


@pytest.mark.parametrize(
    "kind",
    ["layers", "optimizers", "schedules", "activations", "initializers", "regularizers", "constraints", "losses",
     "metrics", "callbacks", "datasets"],
)  # fmt: skip
def test_list_prints_every_name_of_a_kind(dnn, kind):
    words = parse_json_output(dnn("list", kind, "--json"))
    printed = dnn("list", kind).stdout
    assert words["names"]
    for word in words["names"]:
        assert word["name"] in printed


def test_list_shows_one_name(dnn):
    assert "units  " in dnn("list", "layers", "Dense").stdout
    document = parse_json_output(dnn("list", "layers", "Dense", "--json"))
    assert document["arguments"]["units"] == "..."
    assert document["example"]["parameters"] == 9


def test_closed_pipe_is_not_an_error(config, make_run, tmp_path):
    for number in range(1, 40):
        make_run(digits=f"{number:08x}")
    command = f"{sys.executable} -m dnn_cli runs | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_plain_terminal_gets_no_control_codes(make_run, tmp_path, environment):
    make_run()
    assert ESCAPE not in run_on_terminal(tmp_path, "runs", **environment)


def run_with_loud_fit(*arguments):
    """Run a command in a forked process, in which Keras writes to standard error."""
    import keras

    fit = keras.Sequential.fit

    def fit_loudly(self, *words, **options):
        print("LOUD", file=sys.stderr)
        os.write(2, b"NATIVE\n")
        return fit(self, *words, **options)

    keras.Sequential.fit = fit_loudly
    run_in_child(*arguments)


def test_terminal_displays_progress_and_keras_output_goes_to_the_log(config, tmp_path):
    words = ("train", config(), *QUICK_OVERRIDES, "epochs=4")
    output = run_on_terminal(tmp_path, *words, target=run_with_loud_fit)
    assert " 4/4 " in output
    assert "━" in output
    assert "examples/s" in output
    assert ESCAPE in output
    (log,) = tmp_path.glob("runs/*/train.log")
    for text in ("LOUD", "NATIVE"):
        assert text not in output
        assert text in log.read_text()


def test_closed_stderr_does_not_stop_training(config, tmp_path):
    os.mkfifo(tmp_path / "stderr")
    process = start_command(tmp_path, "train", config(), *QUICK_OVERRIDES, out="stdout", err="stderr")
    with (tmp_path / "stderr").open() as pipe:
        assert pipe.readline().startswith("digits: ")
    process.join(60)
    assert process.exitcode == 0
    assert "digits completed" in (tmp_path / "stdout").read_text()


def test_tie_is_undecided(dnn, make_run):
    make_run("name=first", digits="00000001")
    make_run("name=second", "optimizer=sgd", digits="00000002")
    assert "compared with sgd: undecided: 0.00 points with one seed each" in dnn("compare").stdout


@pytest.mark.parametrize("stream", [">&-", "> /dev/full"], ids=["closed", "full"])
def test_unwritable_stdout_is_not_an_internal_error(make_run, tmp_path, stream):
    make_run()
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m dnn_cli runs {stream}"], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr


def test_full_memory_is_two_lines_with_a_remedy(monkeypatch, capsys):
    def fill_memory(*words, **options):
        raise MemoryError

    monkeypatch.setattr("dnn_cli.cli.app.app", fill_memory)
    monkeypatch.setattr(signal, "signal", lambda *arguments: None)
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err.splitlines() == [
        "dnn: out of memory",
        "  use a smaller batch_size, mixed_precision=true or a smaller network",
    ]
