import numpy as np
import pytest

from dnn_cli.compare.reproduction import EnvironmentDifference, MetricDifference, compare_reproduction
from dnn_cli.errors import RunError
from dnn_cli.report.reproduction_view import (
    build_reproduction_document,
    format_differences_intro,
    format_recorded_value,
    format_reproduction_result,
)
from dnn_cli.runs.record import Resume

OUTPUTS = np.arange(6, dtype=np.float32).reshape(3, 2)
SAME = "the reproduction of digits 00000001 is bit-identical: weights, 2 epochs of metrics, predictions"


@pytest.fixture
def pair(make_run):
    """The run 00000001, and 00000002 that repeats it to the last bit."""

    def make(**again):
        runs = make_run(), make_run(digits="00000002", reproduces="00000001", **again)
        for run in runs:
            write_weights(run, "sha256:0")
            np.savez(run.predictions, outputs=OUTPUTS, indices=np.arange(3))
        return runs

    return make


def write_weights(run, digest):
    record = run.read_record()
    results = record.results.model_copy(update={"weights": digest})
    run.write_record(record.model_copy(update={"results": results}))


def edit_record(run, **changes):
    run.write_record(run.read_record().model_copy(update=changes))


def test_bit_identical_runs(pair):
    result = compare_reproduction(*pair(seconds=77.0))
    assert result.is_identical
    assert (result.equal_weights, result.equal_metrics, result.equal_predictions, result.differences) == (
        True,
        True,
        True,
        (),
    )
    assert format_reproduction_result(result) == [SAME]
    assert format_differences_intro(result) is None


def test_single_different_bit_is_reported(pair):
    original, again = pair()
    rows = again.read_metrics()
    rows[1]["val_loss"] = np.nextafter(rows[1]["val_loss"], 1).item()
    again.write_metrics(rows)
    result = compare_reproduction(original, again)
    assert not result.is_identical
    assert result.first_difference == MetricDifference(2, "val_loss", 0.19999999999999996, 0.19999999999999998)
    assert format_reproduction_result(result) == [
        "the reproduction of digits 00000001 differs: metrics from epoch 2 on "
        "(val_loss 0.19999999999999996 before, 0.19999999999999998 now)"
    ]
    assert format_differences_intro(result) == "all conditions that run.json records are equal"


@pytest.mark.parametrize(
    ("change", "departure"),
    [
        pytest.param({"learning_rate": 0.01}, MetricDifference(1, "learning_rate", 0.001, 0.01), id="learning rate"),
        pytest.param({"loss": -0.0}, MetricDifference(1, "loss", 0.5, -0.0), id="a score"),
        pytest.param({"f1": 0.5}, MetricDifference(1, "f1", None, 0.5), id="a new column"),
        pytest.param({"seconds": 9.0}, None, id="time does not count"),
    ],
)
def test_all_columns_except_seconds_are_compared(pair, change, departure):
    original, again = pair()
    again.write_metrics([{**row, **change} for row in again.read_metrics()])
    assert compare_reproduction(original, again).first_difference == departure


def test_negative_zero_differs_from_zero(pair):
    runs = pair()
    for run, loss in zip(runs, (0.0, -0.0), strict=True):
        run.write_metrics([{**row, "loss": loss} for row in run.read_metrics()])
    assert compare_reproduction(*runs).first_difference == MetricDifference(1, "loss", 0.0, -0.0)


@pytest.mark.parametrize(
    ("curve", "text"),
    [((0.5,), "epoch 2 on (loss 0.2000 before, – now)"), ((0.5, 0.8, 0.9), "epoch 3 on (loss – before, 0.1000 now)")],
    ids=["fewer", "more"],
)
def test_different_number_of_epochs_is_reported(pair, curve, text):
    result = compare_reproduction(*pair(curve=curve))
    assert not result.is_identical
    assert text in format_reproduction_result(result)[0]


def test_different_weights_are_reported(pair):
    original, again = pair()
    write_weights(again, "sha256:1")
    result = compare_reproduction(original, again)
    assert (result.is_identical, result.equal_weights, result.equal_metrics) == (False, False, True)
    assert format_reproduction_result(result) == ["the reproduction of digits 00000001 differs: weights"]


@pytest.mark.parametrize(
    "arrays",
    [
        pytest.param({"outputs": np.nextafter(OUTPUTS, 9), "indices": np.arange(3)}, id="a bit"),
        pytest.param({"outputs": OUTPUTS.reshape(2, 3), "indices": np.arange(3)}, id="shape"),
        pytest.param({"outputs": OUTPUTS, "indices": np.arange(3, dtype=np.uint64)}, id="type"),
        pytest.param({"outputs": OUTPUTS}, id="one less"),
        pytest.param({"outputs": OUTPUTS, "places": np.arange(3)}, id="name"),
    ],
)
def test_different_predictions_are_reported(pair, arrays):
    original, again = pair()
    np.savez(again.predictions, **arrays)
    result = compare_reproduction(original, again)
    assert (result.is_identical, result.equal_predictions) == (False, False)
    assert format_reproduction_result(result) == ["the reproduction of digits 00000001 differs: predictions"]


def test_memory_layout_of_arrays_does_not_matter(pair):
    original, again = pair()
    np.savez(again.predictions, indices=np.arange(3), outputs=np.asfortranarray(OUTPUTS))
    assert compare_reproduction(original, again).equal_predictions


def test_values_missing_in_the_original_are_not_compared(pair):
    original, again = pair()
    write_weights(original, None)
    original.predictions.unlink()
    result = compare_reproduction(original, again)
    assert (result.is_identical, result.equal_weights, result.equal_predictions) == (True, None, None)
    assert format_reproduction_result(result) == [
        "the reproduction of digits 00000001 is bit-identical: 2 epochs of metrics",
        "  not compared: weights, predictions, which the original run does not record",
    ]


def test_runs_without_predictions_can_be_identical(pair):
    runs = pair()
    for run in runs:
        run.predictions.unlink()
    result = compare_reproduction(*runs)
    assert (result.is_identical, result.equal_predictions, result.only_in_new) == (True, None, ())


def test_predictions_missing_in_the_new_run_are_a_difference(pair):
    original, again = pair()
    again.predictions.unlink()
    assert compare_reproduction(original, again).equal_predictions is False


def write_pickled_array(path):
    np.savez(path, outputs=np.array([{"an": "object"}], dtype=object))


def write_compressed_array(path):
    np.savez_compressed(path, outputs=np.zeros(1_000_000))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:200]), "is not an .npz file", id="cut"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes().replace(OUTPUTS.tobytes(), bytes(24))),
            "outputs cannot be read: Bad CRC",
            id="other bytes",
        ),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), "is a directory, not a file", id="a directory"),
        pytest.param(lambda path: (path.unlink(), path.symlink_to("nowhere")), "does not exist", id="a dead link"),
        pytest.param(write_pickled_array, "outputs contains Python objects, which dnn does not load", id="objects"),
        pytest.param(write_compressed_array, "predictions.npz is shorter than its arrays", id="a bomb"),
    ],
)  # fmt: skip
def test_damaged_predictions_are_an_error(pair, damage, message):
    original, again = pair()
    damage(original.predictions)
    with pytest.raises(RunError) as refused:
        compare_reproduction(original, again)
    assert refused.value.message.startswith("the predictions are damaged: ")
    assert f"{original.predictions}" in refused.value.message
    assert message in refused.value.message
    assert refused.value.suggestion


def test_a_completed_run_without_metrics_is_an_error(pair):
    original, again = pair()
    original.metrics.unlink()
    with pytest.raises(RunError, match=r"metrics\.csv is missing"):
        compare_reproduction(original, again)


def test_diverged_training_is_no_reproduction(pair):
    original, again = pair(status="diverged", reason="the loss was no longer a number", curve=(0.5,))
    write_weights(again, None)
    again.predictions.unlink()
    result = compare_reproduction(original, again)
    assert (result.is_identical, result.equal_weights, result.equal_predictions) == (False, False, False)
    assert format_reproduction_result(result) == [
        "the reproduction of digits 00000001 differs: completed before, "
        "diverged now (the loss was no longer a number); metrics from epoch 2 on (loss 0.2000 before, – now)"
    ]


def test_failed_training_is_no_reproduction(pair):
    result = compare_reproduction(*pair(status="failed", reason="out of memory", curve=()))
    assert not result.is_identical
    assert (
        "completed before, failed now (out of memory); metrics from epoch 1 on" in format_reproduction_result(result)[0]
    )


def test_differences_of_the_environment_are_listed(pair):
    original, again = pair()
    digest = "sha256:" + "0123456789abcdef" * 4
    data = original.read_record().data
    edit_record(
        original, versions={"keras": "3.14.0", "numpy": "2.0"}, platform={"device": "CPU", "cores": 2}, git=None,
        plan={"jit": True, "precision": "float32", "steps": 45, "why": "so"}, flags={"OMP_NUM_THREADS": "1"},
        data={**data, "split": digest},
    )  # fmt: skip
    edit_record(
        again, versions={"keras": "3.15.0", "numpy": "2.0"}, platform={"device": "CPU", "cores": 4}, engine="chunked",
        plan={"jit": False, "precision": "float32", "steps": 45, "why": "thus"}, flags={"XLA_FLAGS": "--x"},
        git={"commit": "abc", "dirty": False}, data={**data, "split": digest, "train": 7},
        resumed=(Resume(at="now", epochs=1),),
    )  # fmt: skip
    result = compare_reproduction(original, again)
    assert result.differences == (
        EnvironmentDifference("versions.keras", "3.14.0", "3.15.0"),
        EnvironmentDifference("platform.cores", 2, 4),
        EnvironmentDifference("flags.OMP_NUM_THREADS", "1", None),
        EnvironmentDifference("flags.XLA_FLAGS", None, "--x"),
        EnvironmentDifference("plan.engine", "keras", "chunked"),
        EnvironmentDifference("plan.jit", True, False),
        EnvironmentDifference("git.commit", None, "abc"),
        EnvironmentDifference("git.dirty", None, False),
    )
    assert result.is_identical, "the bits decide, not what they were made on"
    assert format_differences_intro(result) == "differences without effect on the results:"
    assert build_reproduction_document(result)["differences"][1] == {"what": "platform.cores", "then": 2, "now": 4}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (True, "true"), (0, "0"), ("a b", "a b"),
        ("sha256:" + "0123456789abcdef" * 4, "sha256:0123456789abcdef…"), ("0123456789" * 4, "0123456789012345…"),
    ],
    ids=str,
)  # fmt: skip
def test_recorded_values_are_shortened(value, text):
    assert format_recorded_value(value) == text


def test_document_of_identical_runs(pair):
    document = build_reproduction_document(compare_reproduction(*pair()))
    assert document.pop("run")["id"] == "00000002"
    assert document == {
        "original": "00000001", "identical": True, "weights": True, "metrics": True, "predictions": True,
        "first_difference": None, "differences": [],
    }  # fmt: skip


def test_training_that_is_not_deterministic_is_a_cause(pair):
    first, again = pair()
    for run, weights in ((first, "sha256:0"), (again, "sha256:1")):
        edit_record(run, plan={"determinism": "none"})
        write_weights(run, weights)
    assert format_differences_intro(compare_reproduction(first, again)).startswith("a cause is deterministic: false")
