"""`dnn evaluate` with a temperature and a threshold, which `dnn predict` applies."""

import json

import numpy as np
import pytest

from dnn_cli.config.datasets import DATASETS
from dnn_cli.config.loading import load_experiment
from dnn_cli.report.html.run_page import DetailLimits, build_run_page
from dnn_cli.report.prediction_adjustment import apply_adjustment, build_adjustment_document, format_adjustment
from dnn_cli.report.prediction_tables import Predictions
from dnn_cli.report.run_details import iter_score_rows
from dnn_cli.runs.evaluations import ChosenThreshold, Evaluation, FittedTemperature
from dnn_cli.runs.input_profile import write_input_profile
from dnn_cli.runs.record import Record
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.explained_runs import build_input_profile
from tests.helpers.reports import predict
from tests.helpers.settings import RUN_ALL_CASES

LATER = "2027-01-01T00:00:00+00:00"
FITTED = FittedTemperature(at=LATER, model="model.keras", temperature=2.0, examples=80)
CHOSEN = ChosenThreshold(at=LATER, model="model.keras", threshold=0.2, criterion="f1", score=0.9, examples=80)

READ = Evaluation(at=LATER, split="test", examples=450, scores={"loss": 1}, command="dnn evaluate")


def test_predictions_have_the_temperature_and_the_threshold(tmp_path):
    (tmp_path / "digits.yaml").write_text(DIGITS_YAML, encoding="utf-8")
    overrides = [
        "data.dataset=breast_cancer", "layers=[{type: Dense, units: 1, activation: sigmoid}]",
        "loss=binary_crossentropy",
    ]  # fmt: skip
    experiment = load_experiment(str(tmp_path / "digits.yaml"), overrides).experiment
    outputs = np.array([[0.1], [0.3], [0.8]], np.float32)
    plain = Predictions(experiment, ("a", "b", "c"), ("x",) * 3, (None,) * 3, outputs, ([], [], []))
    assert plain.class_indices.tolist() == [0, 0, 1]
    for fitted in (None, FITTED):
        assert apply_adjustment(plain, fitted, CHOSEN).class_indices.tolist() == [0, 1, 1]
    assert apply_adjustment(plain, FITTED, None).probabilities[:, 1] == pytest.approx([0.25, 0.3956, 2 / 3], abs=1e-4)
    assert build_adjustment_document(FITTED, CHOSEN)["threshold"] == pytest.approx(1 / 3)
    assert "temperature 2, fitted on 80 validation examples; threshold 0.3333" in format_adjustment(FITTED, CHOSEN)
    assert format_adjustment(None, None) == ""


def test_resumed_training_ends_a_temperature(make_run):
    run = make_run(temperatures=(FITTED,), thresholds=(CHOSEN,))
    record = run.read_record()
    assert (record.find_temperature("model.keras"), record.find_temperature("best.keras")) == (FITTED, None)
    resumed = record.model_copy(update={"ended": "2028-01-01T00:00:00.000000+00:00"})
    assert (resumed.find_temperature("model.keras"), resumed.find_threshold("model.keras")) == (None, None)
    old = {name: value for name, value in record.model_dump().items() if name not in ("temperatures", "thresholds")}
    assert Record.model_validate(old).temperatures == ()


def test_details_and_report_have_temperature_and_threshold(make_run):
    run = make_run(temperatures=(FITTED,), thresholds=(CHOSEN,))
    run.model.write_bytes(b"")
    rows = dict(iter_score_rows(read_run_info(run)))
    assert rows["temperature"].startswith("2 for model.keras, fitted on 80 validation examples, ")
    assert rows["threshold"].startswith("0.2 before the temperature for model.keras, chosen by f1 0.9000 on 80 ")
    predict(run)
    page = build_run_page(read_run_info(run), "", DetailLimits(mistakes=1, points=2, epochs=2))
    assert dict(page.about)["temperature"] == rows["temperature"]
    assert "not used here: temperature 2, fitted on 80 validation" in page.predictions.adjustment_note


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["new.csv", "--temperature"], "--temperature is chosen on the validation set, not on new.csv"),
        (["-o", "x.svg"], "-o applies only to --reliability"),
        (["--reliability", "-o", "x.txt"], "x.txt does not end in"),
        (["--threshold", "best"], "'best' is not one of"),
    ],
)
def test_bad_options_are_one_clear_line(dnn, make_run, words, message):
    make_run("data.test_size=0.25").model.write_bytes(b"")
    done = dnn("evaluate", "@1", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and "Traceback" not in done.stderr


def test_options_are_checked_before_the_test_set_is_read(dnn, make_run, tmp_path):
    (tmp_path / "old.svg").write_text("old")
    run = make_run("data.test_size=0.25", "data.test_reads=1", evaluated=(READ,))
    run.model.write_bytes(b"")
    write_input_profile(run, build_input_profile(DATASETS["digits"]))
    record = run.record.read_text()
    for words, message in (
        (["--threshold", "f1"], "--threshold needs two classes, but the run has 10\n  omit --threshold"),
        (["--reliability", "-o", "old.svg"], "old.svg already exists\n  choose another path with -o"),
        (["--temperature"], "--temperature --force reads the test set again"),
    ):
        done = dnn("evaluate", "@1", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
    assert (run.record.read_text(), (tmp_path / "old.svg").read_text()) == (record, "old")


@pytest.mark.skipif(not RUN_ALL_CASES, reason="exports for several seconds; DNN_TEST_EVERYTHING=1 runs it")
def test_temperature_is_fitted_stored_exported_and_removed(workspace):
    first = parse_json_output(workspace.dnn("evaluate", "digits", "--temperature", "--json"))
    calibration = first["calibration"]
    assert calibration["after"]["log_loss"]["value"] != calibration["log_loss"]["value"]
    (stored,) = json.loads(workspace.digits.record.read_text())["temperatures"]
    assert stored["temperature"] == calibration["temperature"]
    exported = parse_json_output(workspace.dnn("export", "digits", "--format", "keras", "-o", "hot.keras", "--json"))
    assert exported["output"]["temperature"] == calibration["temperature"]
    validation = workspace.dnn("evaluate", "digits", "--split", "validation")
    assert "these examples chose the temperature" in validation.stdout
    diagram = workspace.dnn("evaluate", "digits", "--reliability", "--no-temperature")
    assert "accuracy = confidence" in diagram.stdout
    assert json.loads(workspace.digits.record.read_text())["temperatures"] == []
