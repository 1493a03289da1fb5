"""`dnn study`: what it trains, what it says, and what it leaves, with runs that are made without training."""

import json
import re
from collections import Counter

import pytest
import typer

from dnn_cli.errors import UsageError
from dnn_cli.runs.lock import hold_lock
from tests.helpers.digits import QUICK_YAML
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.study_programs import FabricatedRuns

QUESTION = "optimizer=sgd,adam"


def score_run(membership):
    """Score adam above sgd, and rates in the middle of their ranges above others; seeds differ slightly."""
    rate = float(membership.settings.get("optimizer.learning_rate", "0.001"))
    is_adam = membership.settings["optimizer"] == "adam"
    distance = abs(rate - (0.001 if is_adam else 0.01))
    return 0.6 + 0.1 * is_adam - 0.1 * distance / (1 + distance) + 0.0056 * (int(membership.settings["seed"]) % 3)


@pytest.fixture
def fabricated():
    return FabricatedRuns(score_run)


def remove_runs(document):
    """Return the tasks of a document without the ids of runs."""
    text = re.sub(r'"runs": \[[^\]]*\]', '"runs": []', json.dumps(document["tasks"]))
    return json.loads(text)


def count_experiments(study_program):
    return Counter(run_info.record.experiment for run_info in study_program.store.list_runs())


def test_the_plan_is_written_before_the_first_training(study_program):
    def die(task):
        assert (study_program.study_directory / "study.yaml").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study_program.run(QUESTION, train=die)
    assert {path.name for path in study_program.study_directory.iterdir()} == {"study.lock", "study.yaml"}


def test_a_study_with_a_clear_answer(study_program, fabricated):
    done = study_program.run(QUESTION, train=fabricated.train, seeds="6", target="0.65")
    assert done.code == 0
    assert fabricated.count == 2 * (2 + 2 * 3 + 6 + 6)
    first = done.out.splitlines()[0]
    assert first.startswith("tuned with 2 trials each, adam is better than sgd by ")
    assert "(6 seeds)" in done.out
    document = done.document
    assert document["missing_runs"] == 0 and document["revisions"] == []
    (task,) = document["tasks"]
    assert [item["value"] for item in task["values"]] == ["sgd", "adam"]
    for item in task["values"]:
        assert len(item["trials"]) == 2
        scores = [trial["score"] for trial in item["trials"]]
        assert item["chosen"]["number"] == scores.index(max(scores))
    for arm in ("tuned", "default"):
        assert [len(group["scores"]) for group in task["arms"][arm]["groups"]] == [6, 6]
        assert {score["seed"] for group in task["arms"][arm]["groups"] for score in group["scores"]} == set(range(1, 7))
    again = study_program.run(QUESTION, train=fabricated.train, seeds="6", target="0.65")
    assert (again.out, again.document) == (done.out, done.document)
    assert fabricated.count == 40


def test_more_trials_train_only_what_is_missing(study_program, fabricated):
    few = study_program.run(QUESTION, train=fabricated.train, trials=4)
    before = count_experiments(study_program)
    many = study_program.run(QUESTION, train=fabricated.train, trials=8)
    after = count_experiments(study_program)
    assert set(after.values()) == {1} and not before - after
    study_program.store.root.rename(study_program.directory / "extended")
    fresh = study_program.run(QUESTION, train=FabricatedRuns(score_run).train, trials=8)
    assert (after - before).keys() == (count_experiments(study_program) - before).keys()
    assert [task["values"] for task in remove_runs(many.document)] == [
        task["values"] for task in remove_runs(fresh.document)
    ]
    assert "! the plan was changed after " in many.out and "trials 4 → 8" in many.out
    (revision,) = many.document["revisions"]
    assert (revision["plan"], revision["changes"]) == (few.document["plan"], ["trials 4 → 8"])


@pytest.mark.parametrize(
    "options", [{"target": "0.5"}, {"trials": 3}, {"seeds": "3"}][: None if RUN_ALL_CASES else 2], ids=str
)
def test_a_plan_with_fewer_runs_uses_those_of_the_earlier_plan(study_program, fabricated, options):
    study_program.run(QUESTION, train=fabricated.train, trials=4, seeds="4")
    before = fabricated.count
    done = study_program.run(QUESTION, train=fabricated.train, **{"trials": 4, "seeds": "4", **options})
    assert done.document["missing_runs"] == 0
    assert set(done.document["tasks"][0]["verdicts"]) == {"tuned", "default"}
    assert fabricated.count - before < 20


def test_an_edited_plan_is_reported(study_program, fabricated):
    study_program.run(QUESTION, train=fabricated.train)
    path = study_program.study_directory / "study.yaml"
    path.write_text(path.read_text("utf-8").replace("level: 0.05", "level: 0.2"), "utf-8")
    done = study_program.run(QUESTION, train=fabricated.train)
    assert "! the plan was changed after 28 finished runs: other rules" in done.out
    assert [revision["runs"] for revision in done.document["revisions"]] == [28]
    assert "level: 0.05" in path.read_text("utf-8")


@pytest.mark.parametrize("stops", [(0, 5, 15, 24), (9, 12)][: None if RUN_ALL_CASES else 1])
def test_an_interrupted_study_ends_with_the_same_document(
    study_program, fabricated, tmp_path, monkeypatch, capsys, stops
):
    def stop_at(count):
        def train(task):
            if fabricated.count >= count:
                raise KeyboardInterrupt
            return fabricated.train(task)

        return train

    for count in stops:
        with pytest.raises(KeyboardInterrupt):
            study_program.run(QUESTION, train=stop_at(count))
    broken = study_program.run(QUESTION, train=fabricated.train).document
    study_program.store.root.rename(tmp_path / "broken")
    unbroken = study_program.run(QUESTION, train=FabricatedRuns(score_run).train).document
    assert broken["digest"] == unbroken["digest"]
    assert broken.keys() == unbroken.keys()


def test_no_time_leaves_a_plan_and_no_verdict(study_program, fabricated):
    done = study_program.run(QUESTION, train=fabricated.train, minutes=0.0)
    assert (done.code, fabricated.count) == (0, 0)
    assert "28 runs still to train; the same command continues the study" in done.out
    assert done.document["missing_runs"] == 28
    assert done.document["tasks"][0]["verdicts"] == {}


def test_some_of_the_seeds_give_no_verdict(study_program, fabricated):
    missing = {"phase": "final", "arm": "tuned", "seed": "3"}

    def train(task):
        membership = task.sweeps[0]
        role = membership.study
        if {"phase": role.phase, "arm": role.arm, "seed": membership.settings["seed"]} == missing:
            return FabricatedRuns(lambda membership: "interrupted").train(task)
        return fabricated.train(task)

    done = study_program.run(QUESTION, train=train)
    assert done.document["missing_runs"] == 2
    assert set(done.document["tasks"][0]["verdicts"]) == {"default"}
    assert "2 runs still to train" in done.out and "tuned with 2 trials each" not in done.out


def test_a_failed_run_is_trained_again(study_program, fabricated):
    def fail(membership):
        return "failed" if membership.settings == {"optimizer": "sgd", "seed": "2"} else score_run(membership)

    failing = study_program.run(QUESTION, train=FabricatedRuns(fail).train)
    assert failing.code == 1
    assert "default" not in failing.document["tasks"][0]["verdicts"]
    done = study_program.run(QUESTION, train=fabricated.train)
    assert (done.code, len(fabricated.trained)) == (0, 1)
    assert set(done.document["tasks"][0]["verdicts"]) == {"tuned", "default"}


def test_diverged_trials_count_and_are_never_chosen(study_program):
    def diverge(membership):
        role = membership.study
        return "diverged" if role.value == "sgd" and role.phase == "tuning" else score_run(membership)

    done = study_program.run(QUESTION, train=FabricatedRuns(diverge).train)
    assert done.code == 0
    sgd, adam = done.document["tasks"][0]["values"]
    assert (sgd["chosen"], sgd["diverged_share"], adam["diverged_share"]) == (None, 1.0, 0.0)
    assert "! all trials of sgd diverged, so that sgd has no tuned setting" in done.out
    assert set(done.document["tasks"][0]["verdicts"]) == {"default"}
    assert done.document["missing_runs"] == 0


def test_a_damaged_plan_stops_the_command(study_program, fabricated):
    study_program.run(QUESTION, train=fabricated.train)
    path = study_program.study_directory / "study.yaml"
    path.write_text("version: 2\n")
    with pytest.raises(UsageError, match=r"study\.yaml is not the plan of a study") as error:
        study_program.run(QUESTION, train=fabricated.train)
    assert (error.value.exit_code, error.value.suggestion) == (2, "delete the file to plan the study again")
    path.unlink()
    done = study_program.run(QUESTION, train=fabricated.train)
    assert (done.code, fabricated.count) == (0, 28)


def test_a_deleted_plan_of_earlier_runs_is_reported(study_program, fabricated):
    study_program.run(QUESTION, train=fabricated.train, trials=3)
    (study_program.study_directory / "study.yaml").unlink()
    done = study_program.run(QUESTION, train=fabricated.train)
    assert "finished runs of this study had another plan, which is lost" in done.out


def test_a_renamed_config_keeps_its_directory(study_program, fabricated):
    text = QUICK_YAML.replace("name: digits\n", "")
    for name in ("digits.yaml", "digits-renamed.yaml"):
        done = study_program.run(study_program.write_config(text, name), QUESTION, train=fabricated.train)
        assert done.code == 0
        assert {path.name for path in study_program.study_directory.iterdir()} == {
            "study.json",
            "study.lock",
            "study.yaml",
        }
    assert fabricated.count == 28


def test_equal_settings_are_trained_once(study_program, fabricated):
    done = study_program.run(QUESTION, train=fabricated.train, trials=6, tune=["batch_size=int(16,17)"])
    assert done.document["missing_runs"] == 0
    assert set(count_experiments(study_program).values()) == {1}
    assert [len(item["trials"]) for item in done.document["tasks"][0]["values"]] == [6, 6]


def test_test_needs_a_test_set_before_the_training(study_program, fabricated):
    with pytest.raises(UsageError, match="digits has no test set"):
        study_program.run(QUESTION, train=fabricated.train, test=True)
    assert fabricated.count == 0 and not study_program.store.root.exists()


def test_dry_run_writes_nothing(study_program, fabricated):
    done = study_program.run(QUESTION, train=fabricated.train, dry_run=True)
    assert "28 runs to train, about " in done.out
    assert "16 runs of tuning, 12 final runs; at most 4 runs of extra trials if ranges grow" in done.out
    document = json.loads(study_program.run(QUESTION, train=fabricated.train, dry_run=True, as_json=True).out)
    assert set(document) == {"schema_version", "study", "plan", "estimate"}
    assert document["estimate"]["missing_runs"] == 28
    assert not study_program.store.root.exists()


def test_json_and_latex(study_program, fabricated):
    done = study_program.run(QUESTION, train=fabricated.train, as_json=True)
    assert json.loads(done.out) == {"schema_version": 1, **done.document}
    latex = study_program.run(QUESTION, train=fabricated.train, as_latex=True)
    assert r"\begin{tabular}" in latex.out and "adam" in latex.out
    with pytest.raises(UsageError, match="--json and --latex cannot be combined"):
        study_program.run(QUESTION, train=fabricated.train, as_json=True, as_latex=True)


def test_exit_codes_are_those_of_typer(study_program):
    done = study_program.run(QUESTION, train=FabricatedRuns(lambda membership: "failed").train)
    assert done.code == typer.Exit(1).exit_code
    assert "28 runs still to train" in done.out


def test_a_study_that_another_process_executes_is_refused(study_program, capsys):
    study_program.run(QUESTION, train=FabricatedRuns(lambda membership: 0.5).train, minutes=0)
    with (
        hold_lock(study_program.study_directory / "study.lock"),
        pytest.raises(UsageError, match="another process executes study"),
    ):
        study_program.run(QUESTION, train=FabricatedRuns(lambda membership: 0.5).train)
