"""The plan of a study: its digest, its file, and its changes."""

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.runs.study_roles import find_study_directory
from dnn_cli.study.plan import (
    Revision,
    find_similar_studies,
    get_study_directory,
    read_plan,
    revise_plan,
    write_plan,
)
from tests.helpers.study_trials import SPACES, build_plan

PLAN = build_plan()
TASK = PLAN.tasks[0]


def change_task(**changes):
    return {"tasks": (TASK.model_copy(update=changes),)}


CHANGES = {
    "study": {"study": "00000000"},
    "question": {"question": ("loss",)},
    "values": {"values": PLAN.values[::-1]},
    "fixed": {"fixed": ()},
    "trials": {"trials": 5},
    "tuning seed": {"tuning_seed": 7},
    "finalists": {"finalists": 3},
    "finalist seeds": {"finalist_seeds": (43, 45)},
    "final seeds": {"final_seeds": (1, 2, 4)},
    "repetitions": {"repetitions": 2},
    "selection": {"selection": "first trial"},
    "edges": {"edges": "none"},
    "level": {"level": 0.1},
    "target": {"target": "0.9"},
    "sampler seed": {"sampler_seed": 1},
    "tuned keys": {"tuned_keys": ("lr=log(0.1, 1)",)},
    "points": {"points": PLAN.points[1:]},
    "task": change_task(name="other"),
    "experiment": change_task(experiment="sha256:1"),
    "score": change_task(score="val_loss"),
    "epochs": change_task(epochs=3),
    "examples": change_task(examples=3),
    "halves": change_task(halves=(TASK.halves[0].model_copy(update={"digest": "sha256:1"}),)),
    "spaces": change_task(search_spaces={**SPACES, "adam": {"optimizer.learning_rate": "log(0.001, 0.1)"}}),
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_everything_that_decides_changes_the_digest(changes):
    assert PLAN.model_copy(update=changes).digest != PLAN.digest


def test_a_path_and_earlier_changes_leave_the_digest_unchanged():
    revised = PLAN.model_copy(update={"revisions": (Revision(plan="0" * 16, runs=1, changes=("x",)),)})
    moved = PLAN.model_copy(update=change_task(config="elsewhere/digits.yaml"))
    assert revised.digest == moved.digest == PLAN.digest


def test_the_file_has_the_whole_plan(tmp_path):
    named = PLAN.model_copy(update=change_task(name="최적화, α"))
    directory = get_study_directory(tmp_path, named)
    assert find_study_directory(tmp_path, named.study) is None
    write_plan(directory, named)
    assert find_study_directory(tmp_path, named.study) == directory
    assert read_plan(directory) == named
    assert "&id" not in (directory / "study.yaml").read_text("utf-8")


def test_an_equal_plan_is_not_written_again(tmp_path):
    write_plan(tmp_path, PLAN)
    written = (tmp_path / "study.yaml").stat().st_ino
    write_plan(tmp_path, PLAN)
    assert (tmp_path / "study.yaml").stat().st_ino == written


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text.replace("trials: 4", "trials: many"), "trials: Input should be a valid integer"),
        (lambda text: text.replace("trials: 4", "trails: 4"), "trials: Field required"),
        (lambda text: text + "extra: 1\n", "extra: Extra inputs are not permitted"),
        (lambda text: "[" + text, "expected"),
        (lambda text: "", "Input should be a valid dictionary"),
        (lambda text: "- 1\n", "Input should be a valid dictionary"),
    ],
    ids=["type", "misspelt", "unknown", "syntax", "empty", "list"],
)
def test_a_damaged_plan_is_named_in_one_line(tmp_path, damage, reason):
    write_plan(tmp_path, PLAN)
    path = tmp_path / "study.yaml"
    path.write_text(damage(path.read_text("utf-8")), "utf-8")
    with pytest.raises(UsageError, match=r"study\.yaml is not the plan of a study") as error:
        read_plan(tmp_path)
    assert reason in error.value.message and "\n" not in error.value.message
    assert error.value.suggestion == "delete the file to plan the study again"
    path.unlink()
    assert read_plan(tmp_path) is None


def test_a_change_before_the_first_run_is_no_revision():
    assert revise_plan(None, PLAN, 0) == PLAN
    assert revise_plan(build_plan(trials=8), PLAN, 0) == PLAN
    assert revise_plan(PLAN, PLAN, 16) == PLAN


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        (CHANGES["trials"], ("trials 4 → 5",)),
        ({"final_seeds": (1, 2, 3, 4)}, ("seeds 3 → 4",)),
        (CHANGES["target"], ("target auto → 0.9",)),
        (CHANGES["sampler seed"], ("sampler seed 0 → 1",)),
        (CHANGES["repetitions"], ("repetitions None → 2",)),
        (CHANGES["spaces"], ("range of optimizer.learning_rate for adam log(1e-05, 0.1) → log(0.001, 0.1)",)),
        (CHANGES["halves"], ("another split of the validation set",)),
        (CHANGES["level"], ("other rules",)),
    ],
    ids=["trials", "seeds", "target", "sampler", "repetitions", "range", "halves", "edited by hand"],
)
def test_a_change_after_runs_is_described(changes, texts):
    changed = PLAN.model_copy(update=changes)
    (revision,) = revise_plan(PLAN, changed, 16).revisions
    assert revision == Revision(plan=PLAN.digest, runs=16, changes=texts)


def test_changes_add_up():
    second = revise_plan(PLAN, build_plan(trials=5), 16)
    third = revise_plan(second, build_plan(trials=6), 20)
    assert [revision.changes for revision in third.revisions] == [("trials 4 → 5",), ("trials 5 → 6",)]
    assert revise_plan(third, build_plan(trials=6), 30).revisions == third.revisions


def test_studies_of_one_question_are_similar(tmp_path):
    plans = [build_plan(), build_plan(study="11111111"), build_plan(study="22222222", question=("loss",))]
    for plan in plans:
        write_plan(get_study_directory(tmp_path, plan), plan)
    damaged = tmp_path / "studies" / "digits-33333333"
    damaged.mkdir()
    (damaged / "study.yaml").write_text("trials: [")
    assert find_similar_studies(tmp_path, plans[0]) == ["11111111"]
