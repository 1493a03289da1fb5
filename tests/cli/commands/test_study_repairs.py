"""`dnn study` after damage to its runs, and with the address of a study instead of a config."""

import shlex

import pytest

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.trash import Trash
from tests.helpers.study_programs import FabricatedRuns

QUESTION = "optimizer=sgd,adam"


@pytest.fixture
def fabricated():
    return FabricatedRuns(lambda membership: 0.8)


def test_a_run_with_damaged_predictions_is_removed_and_trained_again(study_program, fabricated):
    study_program.run(QUESTION, train=fabricated.train)
    path = sorted(study_program.store.root.glob("*/reporting_predictions.npz"))[-1]
    path.write_bytes(b"damaged")
    with pytest.raises(RunError) as error:
        study_program.run(QUESTION, train=fabricated.train)
    command = error.value.suggestion.removeprefix("remove the run with ").partition(", and repeat")[0]
    words = shlex.split(command)
    assert words[:3] == ["dnn", "runs", "rm"]
    assert words[4:] == ["--runs-dir", str(study_program.store.root)]
    Trash(study_program.store.root).remove([words[3]])
    trained = len(fabricated.trained)
    assert study_program.run(QUESTION, train=fabricated.train).code == 0
    assert len(fabricated.trained) == trained + 1


def test_the_address_of_a_study_is_answered_with_its_command(study_program, fabricated):
    study_program.run(QUESTION, train=fabricated.train)
    study_id = study_program.study_directory.name.rpartition("-")[2]
    with pytest.raises(UsageError) as error:
        study_program.run("study.yaml", f"study:{study_id}", train=fabricated.train)
    assert error.value.message == f"study:{study_id} is a study, and dnn study needs its config and its question"
    assert f"{QUESTION} --trials 2 --seeds 3" in error.value.suggestion
