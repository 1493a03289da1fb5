import numpy as np
import pytest

from dnn_cli.compare.reproduction import Departure, Difference, judge
from dnn_cli.errors import RunError
from dnn_cli.report.reproduction import introduction, reproduction_document, value_text, verdict
from dnn_cli.runs.record import Resume

OUTPUTS = np.arange(6, dtype=np.float32).reshape(3, 2)
SAME = "digits 00000001 came out bit-identical: weights, 2 epochs of metrics, predictions"


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


def edit(run, **changes):
    run.write_record(run.read_record().model_copy(update=changes))


def test_equal_to_the_last_bit(pair):
    found = judge(*pair(seconds=77.0))
    assert found.identical
    assert (found.weights, found.metrics, found.predictions, found.differences) == (True, True, True, ())
    assert verdict(found) == [SAME]
    assert introduction(found) is None


def test_one_bit_of_one_number_is_a_difference(pair):
    original, again = pair()
    rows = again.read_metrics()
    rows[1]["val_loss"] = np.nextafter(rows[1]["val_loss"], 1).item()
    again.write_metrics(rows)
    found = judge(original, again)
    assert not found.identical
    assert found.departure == Departure(2, "val_loss", 0.19999999999999996, 0.19999999999999998)
    assert verdict(found) == [
        "digits 00000001 came out differently: metrics from epoch 2 on "
        "(val_loss 0.19999999999999996 then, 0.19999999999999998 now)"
    ]
    assert introduction(found) == "nothing that run.json records differs"


@pytest.mark.parametrize(
    ("change", "departure"),
    [
        pytest.param({"learning_rate": 0.01}, Departure(1, "learning_rate", 0.001, 0.01), id="learning rate"),
        pytest.param({"loss": -0.0}, Departure(1, "loss", 0.5, -0.0), id="a score"),
        pytest.param({"f1": 0.5}, Departure(1, "f1", None, 0.5), id="a new column"),
        pytest.param({"seconds": 9.0}, None, id="time does not count"),
    ],
)
def test_every_column_but_the_time_counts(pair, change, departure):
    original, again = pair()
    again.write_metrics([{**row, **change} for row in again.read_metrics()])
    assert judge(original, again).departure == departure


def test_nought_has_two_signs(pair):
    runs = pair()
    for run, loss in zip(runs, (0.0, -0.0), strict=True):
        run.write_metrics([{**row, "loss": loss} for row in run.read_metrics()])
    assert judge(*runs).departure == Departure(1, "loss", 0.0, -0.0)


@pytest.mark.parametrize(
    ("curve", "text"),
    [((0.5,), "epoch 2 on (loss 0.2000 then, – now)"), ((0.5, 0.8, 0.9), "epoch 3 on (loss – then, 0.1000 now)")],
    ids=["fewer", "more"],
)
def test_another_number_of_epochs(pair, curve, text):
    found = judge(*pair(curve=curve))
    assert not found.identical
    assert text in verdict(found)[0]


def test_other_weights(pair):
    original, again = pair()
    write_weights(again, "sha256:1")
    found = judge(original, again)
    assert (found.identical, found.weights, found.metrics) == (False, False, True)
    assert verdict(found) == ["digits 00000001 came out differently: weights"]


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
def test_other_predictions(pair, arrays):
    original, again = pair()
    np.savez(again.predictions, **arrays)
    found = judge(original, again)
    assert (found.identical, found.predictions) == (False, False)
    assert verdict(found) == ["digits 00000001 came out differently: predictions"]


def test_equal_arrays_in_another_layout_are_equal(pair):
    original, again = pair()
    np.savez(again.predictions, indices=np.arange(3), outputs=np.asfortranarray(OUTPUTS))
    assert judge(original, again).predictions


def test_what_the_original_never_had_is_unknown_and_said(pair):
    original, again = pair()
    write_weights(original, None)
    original.predictions.unlink()
    found = judge(original, again)
    assert (found.identical, found.weights, found.predictions) == (True, None, None)
    assert verdict(found) == [
        "digits 00000001 came out bit-identical: 2 epochs of metrics",
        "  not compared: weights, predictions, of which the first run tells nothing",
    ]


def test_without_a_validation_set_there_is_nothing_to_say_of_predictions(pair):
    runs = pair()
    for run in runs:
        run.predictions.unlink()
    found = judge(*runs)
    assert (found.identical, found.predictions, found.unknown) == (True, None, ())


def test_what_the_new_run_lacks_is_a_difference(pair):
    original, again = pair()
    again.predictions.unlink()
    assert judge(original, again).predictions is False


def pickled(path):
    np.savez(path, outputs=np.array([{"an": "object"}], dtype=object))


def huge(path):
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
        pytest.param(lambda path: (path.unlink(), path.symlink_to("nowhere")), "cannot be read", id="a dead link"),
        pytest.param(pickled, "outputs holds Python objects, which are never loaded", id="objects"),
        pytest.param(huge, "predictions.npz is shorter than its arrays", id="a bomb"),
    ],
)  # fmt: skip
def test_damaged_predictions_are_an_error_and_no_verdict(pair, damage, message):
    original, again = pair()
    damage(original.predictions)
    with pytest.raises(RunError) as refused:
        judge(original, again)
    assert refused.value.message.startswith("the predictions are damaged: ")
    assert f"{original.predictions}" in refused.value.message
    assert message in refused.value.message
    assert refused.value.hint


def test_a_completed_run_without_metrics_is_an_error(pair):
    original, again = pair()
    original.metrics.unlink()
    with pytest.raises(RunError, match=r"metrics\.csv is missing"):
        judge(original, again)


def test_a_training_that_ends_otherwise_is_no_reproduction(pair):
    original, again = pair(status="diverged", reason="the loss was no longer a number", curve=(0.5,))
    write_weights(again, None)
    again.predictions.unlink()
    found = judge(original, again)
    assert (found.identical, found.weights, found.predictions) == (False, False, False)
    assert verdict(found) == [
        "digits 00000001 came out differently: completed then, diverged now (the loss was no longer a number); "
        "metrics from epoch 2 on (loss 0.2000 then, – now)"
    ]


def test_a_run_without_a_whole_epoch_is_no_reproduction(pair):
    found = judge(*pair(status="failed", reason="out of memory", curve=()))
    assert not found.identical
    assert "completed then, failed now (out of memory); metrics from epoch 1 on" in verdict(found)[0]


def test_what_the_machine_and_the_data_were_is_told_apart(pair):
    original, again = pair()
    digest = "sha256:" + "0123456789abcdef" * 4
    data = original.read_record().data
    edit(
        original, versions={"keras": "3.14.0", "numpy": "2.0"}, platform={"device": "CPU", "cores": 2}, git=None,
        plan={"jit": True, "precision": "float32", "steps": 45, "why": "so"}, flags={"OMP_NUM_THREADS": "1"},
        data={**data, "split": digest},
    )  # fmt: skip
    edit(
        again, versions={"keras": "3.15.0", "numpy": "2.0"}, platform={"device": "CPU", "cores": 4}, engine="chunked",
        plan={"jit": False, "precision": "float32", "steps": 45, "why": "thus"}, flags={"XLA_FLAGS": "--x"},
        git={"commit": "abc", "dirty": False}, data={**data, "split": digest, "train": 7},
        resumed=(Resume(at="now", epochs=1),),
    )  # fmt: skip
    found = judge(original, again)
    assert found.differences == (
        Difference("versions.keras", "3.14.0", "3.15.0"),
        Difference("platform.cores", 2, 4),
        Difference("flags.OMP_NUM_THREADS", "1", None),
        Difference("flags.XLA_FLAGS", None, "--x"),
        Difference("plan.engine", "keras", "chunked"),
        Difference("plan.jit", True, False),
        Difference("git.commit", None, "abc"),
        Difference("git.dirty", None, False),
    )
    assert found.identical, "the bits decide, not what they were made on"
    assert introduction(found) == "though this differs:"
    assert reproduction_document(found)["differences"][1] == {"what": "platform.cores", "then": 2, "now": 4}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (True, "true"), (0, "0"), ("a b", "a b"),
        ("sha256:" + "0123456789abcdef" * 4, "sha256:0123456789abcdef…"), ("0123456789" * 4, "0123456789012345…"),
    ],
    ids=str,
)  # fmt: skip
def test_values_in_few_words(value, text):
    assert value_text(value) == text


def test_the_document_has_every_part_of_the_verdict(pair):
    found = reproduction_document(judge(*pair()))
    assert found.pop("run")["id"] == "00000002"
    assert found == {
        "original": "00000001", "identical": True, "weights": True, "metrics": True, "predictions": True,
        "first_difference": None, "differences": [],
    }  # fmt: skip
