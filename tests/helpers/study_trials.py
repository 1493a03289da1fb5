"""Plans and runs of a study, made without training."""

from types import SimpleNamespace

from dnn_cli.runs.record import Membership, Record, Results, StudyRole
from dnn_cli.study.plan import Halves, Plan, StudyTask, Value
from dnn_cli.study.study_runs import StudyRun
from dnn_cli.study.unit_points import draw_unit_points

STUDY_ID = "5d0dec0d"
"""Id of the study of all runs that `build_membership` describes."""

SPACES = {
    "sgd": {"optimizer.learning_rate": "log(0.0001, 1)"},
    "adam": {"optimizer.learning_rate": "log(1e-05, 0.1)"},
}


def build_membership(value, phase="tuning", trial=None, study_id=STUDY_ID):
    """The place of a run in a study whose question is the optimizer."""
    arm = "default" if trial is None else "tuned"
    role = StudyRole(plan="0" * 16, phase=phase, arm=arm, value=value, trial=trial)
    return Membership(id=study_id, name="which optimizer", settings={"optimizer": value}, study=role)


def build_plan(spaces=SPACES, points=8, score="val_accuracy", folds=1, **changes):
    """A plan whose question is the optimizer, with 4 trials of each value by default."""
    task = StudyTask(
        name="digits", config="digits.yaml", experiment="sha256:0", score=score, epochs=2, examples=1437,
        halves=(Halves(tuning=180, reporting=180, digest="sha256:0"),) * folds, search_spaces=spaces,
    )  # fmt: skip
    dimensions = max(map(len, spaces.values()))
    content = {
        "study": STUDY_ID,
        "question": ("optimizer",),
        "values": tuple(Value(label=label, settings={"optimizer": label}) for label in spaces),
        "fixed": ("data.reporting_half=true",),
        "trials": 4,
        "finalists": 2,
        "finalist_seeds": (43, 44),
        "tuning_seed": 42,
        "final_seeds": (1, 2, 3),
        "points": tuple(map(tuple, draw_unit_points(points, dimensions, 0).round(6).tolist())),
        "tasks": (task,),
    }
    return Plan(**{**content, **changes})


def build_tuning_run(label, trial, score, config, fold=None):
    """A tuning run with a score, or with a status such as `diverged`. `config` is the path of its config."""
    status, row = ("completed", {"epoch": 2, "val_accuracy": score}) if isinstance(score, float) else (score, None)
    record = Record(
        id=f"{trial + 1:08x}", name="digits", status=status, started="2026-01-01T00:00:00.000000+00:00",
        results=Results(monitor="val_accuracy", last=row, best=row), parameters={}, data={},
    )  # fmt: skip
    membership = build_membership(label, trial=trial)
    settings = {**membership.settings, "seed": "42", **({"data.fold": str(fold)} if fold else {})}
    return StudyRun(SimpleNamespace(run=SimpleNamespace(config=config)), record, membership.study, settings, "digits")
