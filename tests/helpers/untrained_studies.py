"""Studies whose runs were not trained: runs with the roles of a small study, and its plan."""

from pathlib import Path

import pytest

from dnn_cli.runs.record import Membership, StudyRole
from dnn_cli.study.plan import Halves, Plan, StudyTask, Value, write_plan

STUDY_ID = "0123abcd"
RATES = {"sgd": ("0.1", "0.01"), "adam": ("0.01", "0.001")}
"""Learning rates of the trials of each value, the best first."""


def build_plan(trials: int = 2, **changes) -> Plan:
    """Return the plan of a study of sgd and adam."""
    task = StudyTask(
        name="digits", config="digits.yaml", experiment="0" * 16, score="val_accuracy", epochs=2, examples=1437,
        halves=(Halves(tuning=180, reporting=180, digest="sha256:0"),),
        search_spaces={"sgd": {"optimizer.learning_rate": "log(0.0001, 1)"},
                       "adam": {"optimizer.learning_rate": "log(1e-05, 0.1)"}},
    )  # fmt: skip
    values = tuple(Value(label=label, settings={"optimizer": label}) for label in RATES)
    plan = Plan(
        study=STUDY_ID, question=("optimizer",), values=values, fixed=(), trials=trials, tuning_seed=42,
        final_seeds=(1, 2, 3), points=((0.25,), (0.123456,)), tasks=(task,), finalists=1, finalist_seeds=(),
    )  # fmt: skip
    return plan.model_copy(update=changes)


def build_membership(plan: str | None, phase="final", arm="tuned", value="sgd", trial: int | None = 0, **changes):
    """Return a membership in the study with a role under a plan; without a plan, a membership in a sweep."""
    role = None if plan is None else StudyRole(plan=plan, phase=phase, arm=arm, value=value, trial=trial)
    return Membership(**{"id": STUDY_ID, "name": "digits", "settings": {"optimizer": value}, "study": role, **changes})


class StudyRuns:
    """Runs of a study in one directory, which were not trained."""

    def __init__(self, make_run, root: Path):
        self.make_run, self.root, self.count = make_run, root, 0

    def write_plan(self, plan: Plan) -> None:
        """Write the plan into the directory of the study."""
        write_plan(self.root / "studies" / f"digits-{plan.study}", plan)

    def add(self, *overrides, sweeps=(), score=0.8, **changes):
        """Make a run with memberships, later than the runs before it, and return its id."""
        self.count += 1
        run_id = f"{self.count:08x}"
        stamp = f"20260101-{self.count // 3600:02d}{self.count // 60 % 60:02d}{self.count % 60:02d}"
        self.make_run(*overrides, digits=run_id, stamp=stamp, curve=(score - 0.1, score), sweeps=sweeps, **changes)
        return run_id

    def add_study(self, plan: Plan) -> dict[str, list[str]]:
        """Make all runs of a study, write its plan, and return the ids of the runs by phase or arm."""
        self.write_plan(plan)
        ids = {"tuning": [], "default": [], "tuned": []}
        for value, rates in RATES.items():
            settings = [("tuning", 42, rate, trial) for trial, rate in enumerate(rates)]
            settings += [("default", seed, None, None) for seed in plan.final_seeds]
            settings += [("tuned", seed, rates[0], 0) for seed in plan.final_seeds]
            for kind, seed, rate, trial in settings:
                phase, arm = ("tuning", "tuned") if kind == "tuning" else ("final", kind)
                words = [f"optimizer={value}", f"seed={seed}", *([f"lr={rate}"] if rate else [])]
                sweeps = (build_membership(plan.digest, phase, arm, value, trial),)
                ids[kind].append(self.add(*words, "data.reporting_half=true", sweeps=sweeps, score=0.8 + seed / 1000))
        return ids


@pytest.fixture
def study_runs(make_run, tmp_path):
    return StudyRuns(make_run, tmp_path / "runs")
