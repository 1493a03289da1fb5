"""The first lines of a script name what its training does not repeat."""

import pytest

from dnn_cli.runs.record import Resume
from dnn_cli.script.origin import describe_run_origin
from dnn_cli.script.script_limits import list_differences

PLAN = {"jit": True, "precision": "float32", "determinism": "cpu", "lanes": 1}
CASES = {
    "equal": ({}, ""),
    "interrupted": ({"status": "interrupted", "epochs": 1}, "The run was interrupted after 1 of 3 epochs."),
    "lanes": ({"plan": {**PLAN, "lanes": 8}}, "The run was trained in a program of 8 lanes"),
    "gpu": ({"plan": {**PLAN, "determinism": "xla"}}, "Equal weights on a GPU have not been tried"),
    "random": ({"plan": {**PLAN, "determinism": "none"}}, "equal trainings end with different weights"),
    "old plan": ({"plan": {}}, "does not record whether XLA compiled"),
    "resumed": (
        {"resumed": (Resume(at="2026-01-01", epochs=1, forced=("keras",)),)}, "The run was resumed after a change",
    ),
    "variables": ({"flags": {"TF_ENABLE_ONEDNN_OPTS": "0"}}, "does not set: TF_ENABLE_ONEDNN_OPTS=0"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), CASES.values(), ids=CASES)
def test_differences_of_a_run_are_named(changes, sentence, make_run, experiment):
    record = make_run().read_record().model_copy(update={"plan": PLAN, **changes})
    new_experiment = experiment("epochs=3")
    differences = list_differences(new_experiment, describe_run_origin(record, new_experiment))
    assert len(differences) == (1 if sentence else 0)
    assert sentence in " ".join(differences)


def test_environment_has_versions_and_threads(make_run, experiment):
    versions, platform = {"tensorflow": "2.21.0", "keras": "3.15.1"}, {"processor": "AMD EPYC", "threads": 4}
    record = make_run().read_record().model_copy(update={"versions": versions, "platform": platform})
    environment = describe_run_origin(record, experiment()).environment
    assert environment == "TensorFlow 2.21.0 and Keras 3.15.1 on 4 cores of AMD EPYC"
