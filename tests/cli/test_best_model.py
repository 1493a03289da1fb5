"""The model of the best epoch: saved by `model_checkpoint`, used with `--best`."""

import json
import re
import shlex

import keras
import numpy as np
import pytest
import sklearn.datasets

from dnn_cli.explain.evidence import read_evidence
from dnn_cli.report.text import format_score
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.cli_output import parse_json_output

BEST = {"file": "best.keras", "epoch": 3, "holds": "best", "monitor": "val_loss"}
LAST = {"file": "model.keras", "epoch": 5, "holds": "last", "monitor": None}


def load_validation_images(run):
    """The validation inputs of digits and their labels."""
    with np.load(run.predictions) as saved:
        return sklearn.datasets.load_digits().images[saved["indices"]].astype(np.uint8), saved["labels"]


def compute_accuracy(predictions, labels):
    return np.mean([int(prediction["class"]) == label for prediction, label in zip(predictions, labels, strict=True)])


def test_train_summary_names_the_best_epoch(spoiled):
    assert "best.keras contains epoch 3, the best by val_loss; dnn evaluate" in spoiled.output
    assert " --best evaluates it on the test set" in spoiled.output


def test_evaluate_scores_and_names_the_best_epoch(spoiled):
    rows = spoiled.run.read_metrics()
    assert min(rows, key=lambda row: row["val_loss"])["epoch"] == 3
    best = spoiled.dnn("evaluate", "spoiled", "--best", "--split", "validation")
    assert "weights: best.keras, epoch 3, the best by val_loss" in best.stdout
    assert "--best evaluates it" not in best.stderr
    check_recorded_scores(spoiled.run, BEST, rows[2])
    last = spoiled.dnn("evaluate", "spoiled", "--split", "validation")
    assert "weights: model.keras, epoch 5, the last" in last.stdout
    assert "best.keras contains epoch 3, the best by val_loss; --best evaluates this model" in last.stderr
    check_recorded_scores(spoiled.run, LAST, rows[4])


def check_recorded_scores(run, model, row):
    """Compare the latest recorded evaluation of the validation set with the scores of its epoch."""
    recorded = json.loads(run.record.read_text())["evaluated"][-1]
    assert (recorded["model"], recorded["epoch"]) == (model["file"], model["epoch"])
    assert recorded["scores"]["loss"] == pytest.approx(row["val_loss"], rel=1e-5)
    assert recorded["scores"]["accuracy"] == pytest.approx(row["val_accuracy"])


def test_predict_uses_the_best_epoch(spoiled):
    images, labels = load_validation_images(spoiled.run)
    np.savez(spoiled.path / "validation.npz", x=images)
    rows = spoiled.run.read_metrics()
    result = parse_json_output(spoiled.dnn("predict", "spoiled", "validation.npz", "--best", "--json"))
    assert result["model"]["epoch"] == 3
    assert compute_accuracy(result["predictions"], labels) == pytest.approx(rows[2]["val_accuracy"])


def test_export_writes_the_best_epoch(spoiled):
    done = spoiled.dnn("export", "spoiled", "--best", "--format", "keras", "-o", "best.keras")
    assert "weights  best.keras: epoch 3, the best by val_loss" in done.stdout
    images, labels = load_validation_images(spoiled.run)
    outputs = keras.saving.load_model(spoiled.path / "best.keras").predict(images.astype("float32"), verbose=0)
    accuracy = np.mean(outputs.argmax(1) == labels)
    assert accuracy == pytest.approx(spoiled.run.read_metrics()[2]["val_accuracy"])


def test_explain_judges_the_best_epoch(spoiled):
    best, last = (spoiled.run.read_metrics()[at] for at in (2, 4))
    for options, model, row in (("--best",), BEST, best), ((), None, last):
        (result,) = parse_json_output(spoiled.dnn("explain", "spoiled", *options, "--json"))["runs"]
        assert result["model"] == model
        evidence = read_evidence(read_run_info(spoiled.run), model["epoch"] if model else None)
        assert evidence.score_judgement.model_loss == pytest.approx(row["val_loss"], rel=1e-4)
        assert evidence.hit_counts.accuracy == pytest.approx(row["val_accuracy"])
    output = spoiled.dnn("explain", "spoiled", "--best").stdout
    assert f"judged: best.keras (epoch 3, the best by val_loss), val_loss {best['val_loss']:.4f}" in output


def test_runs_show_names_the_epoch_of_each_model_file(spoiled):
    result = spoiled.dnn("runs", "show", "spoiled")
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines["model.keras"].startswith("epoch 5, the last  val_loss ")
    assert lines["best.keras"].startswith("epoch 3, the best by val_loss  val_loss ")
    assert parse_json_output(spoiled.dnn("runs", "show", "spoiled", "--json"))["run"]["models"] == [LAST, BEST]


def test_runs_show_has_test_scores_or_the_evaluate_command(workspace):
    run = workspace.houses  # whose scores no other test of this file finds
    missing = workspace.dnn("runs", "show", "집값").stdout
    if not json.loads(run.record.read_text())["evaluated"]:
        path = shlex.quote(str(run.directory.relative_to(workspace.path)))
        assert f"model.keras is not evaluated yet: dnn evaluate {path}" in missing
    scores = parse_json_output(workspace.dnn("evaluate", "집값", "--json"))["scores"]
    output = workspace.dnn("runs", "show", "집값").stdout
    assert re.search(
        rf"^test set +loss {format_score(scores['loss'])} \(.*\)  mean_absolute_error", output, re.MULTILINE
    )


RESTORED = "early_stopping={monitor: val_accuracy, patience: 3, restore_best_weights: true}"


@pytest.mark.parametrize("verb", [["evaluate", "@1"], ["predict", "@1", "x.npz"], ["explain", "@1"],
                                  ["export", "@1", "--format", "keras"]])  # fmt: skip
def test_missing_best_model_hints_at_model_checkpoint(dnn, make_run, verb):
    run = make_run()
    run.model.write_bytes(b"")
    done = dnn(*verb, "--best")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no best.keras: the run was trained without model_checkpoint" in done.stderr
    assert f"config.yaml 'model_checkpoint={{monitor: {run.read_record().results.monitor}}}' saves one" in done.stderr


def test_suggested_model_checkpoint_fits_swapped_weights(dnn, make_run):
    run = make_run("optimizer.use_ema=true", "swap_ema_weights={}", "early_stopping={}")
    run.model.write_bytes(b"")
    done = dnn("evaluate", "@1", "--best")
    (command,) = re.findall(r"dnn train (.*) saves one", done.stderr)
    assert dnn("check", *shlex.split(command)).returncode == 0


def test_best_option_is_refused_after_restored_best_weights(dnn, make_run):
    make_run(RESTORED, curve=(0.5, 0.9, 0.8)).model.write_bytes(b"")
    done = dnn("evaluate", "@1", "--best")
    assert done.returncode == 2
    assert "model.keras already contains epoch 2, the best by val_accuracy, restored by early_stopping" in done.stderr
    assert "omit --best" in done.stderr


def test_lost_best_model_is_an_error(dnn, make_run):
    make_run("model_checkpoint={}").model.write_bytes(b"")
    done = dnn("evaluate", "@1", "--best")
    assert done.returncode == 2
    assert "has no best.keras, although model_checkpoint saved one" in done.stderr
