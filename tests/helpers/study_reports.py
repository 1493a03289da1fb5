"""Complete studies whose runs were not trained: trials, and final runs with predictions for the reporting half."""

import numpy as np

from dnn_cli.report.html.report_file import render_report
from dnn_cli.report.html.study_page import build_study_page
from dnn_cli.runs.record import Membership, StudyRole
from dnn_cli.runs.store import Store
from dnn_cli.study.plan import Halves, Plan, StudyTask, Value, read_plan
from dnn_cli.study.study_result import build_study_result
from tests.helpers.untrained_studies import RATES, STUDY_ID, build_plan

_MARGIN = {"default": 0, "tuned": 4}
"""Number of examples by which an arm has more correct predictions."""

_EXAMPLES = 100


def add_judged_study(study_runs, plan: Plan, settings: dict[str, tuple[str, ...]], arms=("default", "tuned")) -> None:
    """Make the runs of a study in which the first value is the best, and write its plan.

    Args:
        study_runs: The fixture `study_runs`.
        plan: The plan, whose finalist has the seed of the trials.
        settings: The texts of the learning rates of the trials of each value, by label; the first is the best.
        arms: The arms whose final runs are made.
    """
    study_runs.write_plan(plan)
    for task in plan.tasks:
        for rank, (value, rates) in enumerate(settings.items()):
            words = [f"{key}={text}" for key, text in plan.values[rank].settings.items()]
            for trial, rate in enumerate(rates):
                role = StudyRole(plan=plan.digest, phase="tuning", arm="tuned", value=value, trial=trial)
                tuned = {"seed": str(plan.tuning_seed), "optimizer.learning_rate": rate}
                _add_run(study_runs, plan, task, role, [*words, f"lr={rate}"], tuned, 0.9 - trial / 10 - rank / 100)
            for arm in arms:
                for seed in plan.final_seeds:
                    role = StudyRole(plan=plan.digest, phase="final", arm=arm, value=value)
                    rate_words = [f"lr={rates[0]}"] if arm == "tuned" else []
                    run_id = _add_run(study_runs, plan, task, role, [*words, *rate_words], {"seed": str(seed)}, 0.8)
                    (directory,) = study_runs.root.glob(f"*-{run_id}")
                    _write_reporting_predictions(directory, 80 - 8 * rank + seed % 2 + _MARGIN[arm])


def _add_run(study_runs, plan: Plan, task: StudyTask, role: StudyRole, words, settings, score: float) -> str:
    """Make a run of a study and return its id."""
    membership = Membership(id=plan.study, name=task.name, settings=settings, study=role)
    seed = settings["seed"]
    return study_runs.add(*words, f"seed={seed}", "data.reporting_half=true", sweeps=(membership,), score=score)


def _write_reporting_predictions(directory, correct: int) -> None:
    """Write predictions for a reporting half of 100 examples, of which some are correct."""
    labels = np.arange(_EXAMPLES) % 10
    predicted = np.where(np.arange(_EXAMPLES) < correct, labels, (labels + 1) % 10)
    outputs = np.full((_EXAMPLES, 10), 0.05, np.float32)
    outputs[np.arange(_EXAMPLES), predicted] = 0.55
    np.savez(directory / "reporting_predictions.npz", outputs=outputs, labels=labels, indices=np.arange(_EXAMPLES))


def build_judged_plan(labels=tuple(RATES), tasks=("digits",), **changes):
    """The plan of a study with six seeds, whose trials are the finalists."""
    plan = build_plan(finalist_seeds=(42,), final_seeds=tuple(range(1, 7)), **changes)
    values = tuple(Value(label=label, settings={"optimizer": name}) for label, name in zip(labels, RATES, strict=True))
    (task,) = plan.tasks
    spaces = dict(zip(labels, task.search_spaces.values(), strict=True))
    halves = (Halves(tuning=180, reporting=100, digest="sha256:0"),)
    named_tasks = tuple(
        task.model_copy(update={"name": name, "search_spaces": spaces, "halves": halves}) for name in tasks
    )
    return plan.model_copy(update={"values": values, "tasks": named_tasks})


def read_result(root):
    """The result of the only study of a directory."""
    store = Store(root)
    (directory,) = (root / "studies").iterdir()
    return build_study_result(read_plan(directory), store.with_details(store.list_runs()))


def render(root):
    """The text of the report of the only study of a directory."""
    return render_report(build_study_page(read_result(root), root, ["dnn", "report", f"study:{STUDY_ID}"]), {}, {})
