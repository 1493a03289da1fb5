"""Scripts of plain Keras end with the weights of the runs, and have a readable form."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.runs.store import Store
from dnn_cli.training.train import compute_weights_digest
from tests.helpers.scripts import SHIPPED_CONFIGS, load_small_experiment, run_program, write_program
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.training_runs import train_in_store

MAX_LINES = 78
"""Largest number of lines of a program without its list of layers, which grows with the network."""

CONFIGS = {path.stem: path for path in SHIPPED_CONFIGS}
TRAINED = ["breast_cancer"]
"""Config with class weights, a test set, standardization and early stopping."""

OPTIONS = {
    "halves, one-hot targets": [
        "data.reporting_half=true", "loss=categorical_crossentropy", "class_weight={0: 2}", "reduce_lr_on_plateau={}",
    ],
    "fold": ["data.folds=3", "data.fold=2", "data.test_size=0.2", "swap_ema_weights={}", "optimizer.use_ema=true"],
    "repeated layers": [
        "layers=[Flatten, {repeat: 2, layers: [{type: Dense, units: 9, name: hidden}, {type: Dropout, rate: 0.1}]}, "
        "{type: Dense, units: 10, activation: softmax}]", "data.validation_size=0", "optimizer=schedule_free_adamw",
    ],
    "16 bits": ["mixed_precision=true", "data.standardize=true", "data.stratify=true"],
}  # fmt: skip
REGRESSION = [
    "data={dataset: diabetes, standardize: true, standardize_target: true}", "loss=huber", "metrics=[mae]",
    "layers=[{type: Dense, units: 9, activation: relu}, {type: Dense, units: 1}]",
]  # fmt: skip


def check_equal_weights(experiment, tmp_path, monkeypatch):
    """Check that a script and the engine end with the same bits."""
    monkeypatch.chdir(tmp_path)
    _, record, _ = train_in_store(Store(tmp_path / "runs"), experiment)
    assert compute_weights_digest(run_program(write_program(experiment))) == record.results.weights


@pytest.mark.parametrize("name", CONFIGS if RUN_ALL_CASES else TRAINED)
def test_script_of_shipped_config_ends_with_the_weights_of_the_run(name, tmp_path, monkeypatch):
    # Without XLA, the short training needs no compilation.
    overrides = ["epochs=1", "jit=auto"] if RUN_ALL_CASES else ["epochs=1", "jit=false", "batch_size=199"]
    check_equal_weights(load_small_experiment(CONFIGS[name], *overrides), tmp_path, monkeypatch)


def test_script_with_dropout_and_warm_up_ends_with_the_weights_of_the_run(experiment, tmp_path, monkeypatch):
    schedule = "{type: Warmup, warmup_steps: 2, learning_rate: {type: ExponentialDecay, initial_learning_rate: 0.1, " \
        "decay_steps: 9, decay_rate: 0.5}}"  # fmt: skip
    new_experiment = experiment(*OPTIONS["repeated layers"], f"optimizer={{type: sgd, learning_rate: {schedule}}}",
                                "jit=false", "batch_size=400", "epochs=2")  # fmt: skip
    check_equal_weights(new_experiment, tmp_path, monkeypatch)


@pytest.mark.skipif(not RUN_ALL_CASES, reason="only with DNN_TEST_EVERYTHING")
@pytest.mark.parametrize("overrides", [*OPTIONS.values(), REGRESSION], ids=[*OPTIONS, "regression"])
@pytest.mark.parametrize("jit", ["true", "false"])
def test_script_with_options_ends_with_the_weights_of_the_run(overrides, jit, experiment, tmp_path, monkeypatch):
    check_equal_weights(experiment(*overrides, f"jit={jit}", "epochs=2"), tmp_path, monkeypatch)


def test_scripts_of_shipped_configs_are_short_and_have_the_layout_of_ruff(tmp_path):
    from dnn_cli.config.loading import load_experiment

    for name, path in CONFIGS.items():
        text = write_program(load_experiment(str(path)).experiment)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        assert len(re.sub(r"(?ms)^layers = \[\n.*?^\]\n", "", text).splitlines()) <= MAX_LINES, name
        assert "dnn" not in {line.split()[1].partition(".")[0] for line in text.splitlines() if "import " in line[:7]}
    if (ruff := shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")) is None:
        pytest.skip("ruff is not installed")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([ruff, *command, "--isolated", str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("overrides", [*OPTIONS.values(), REGRESSION], ids=[*OPTIONS, "regression"])
def test_script_with_options_is_valid_python(overrides, experiment):
    ast.parse(write_program(experiment(*overrides)))


REFUSED = {
    "data.folds=3": "data.folds: the config describes 3 trainings",
    "layers=[Flatten, {residual: [{type: Dense, units: 64}]}, {type: Dense, units: 10}]": "Residual is not a layer",
}


@pytest.mark.parametrize(("override", "message"), REFUSED.items())
def test_what_a_script_cannot_do_is_refused(override, message, experiment):
    with pytest.raises(UsageError, match=message):
        write_program(experiment(override))


CONVOLUTION = [
    "layers=[{type: Reshape, target_shape: [8, 8, 1]}, {type: Conv2D, filters: 2, kernel_size: 3}, Flatten, "
    "{type: Dense, units: 10, activation: softmax}]", "jit=true",
]  # fmt: skip


def test_differences_are_named_in_the_first_lines(experiment):
    text = " ".join(ast.get_docstring(ast.parse(write_program(experiment(*CONVOLUTION)))).split())
    assert "with the differences below" in text
    assert "With jit: true, XLA sums the products of a layer in another order" in text
    assert "bit for bit" in " ".join(write_program(experiment("jit=true")).split())


def test_names_of_users_stay_text(experiment):
    text = write_program(experiment('name=a\\"""b'))
    assert "a program of plain Keras" in ast.get_docstring(ast.parse(text))


def test_classes_without_a_weight_have_the_weight_1(experiment):
    text = write_program(experiment("class_weight={1: 2}"))
    assert "class_weight = dict.fromkeys(range(10), 1.0) | {1: 2.0}\n" in text


def test_uncounted_evaluations_are_a_note_and_not_a_difference(experiment):
    text = " ".join(write_program(experiment("data.test_reads=1", "data.test_size=0.2")).split())
    assert "bit for bit. dnn does not count the evaluations of this program" in text
