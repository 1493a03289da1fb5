"""Caveats about tuning: in a study all values are tuned alike, and elsewhere unequal tuning is reported."""

import pytest

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.query.selection import CachedStore, select_runs
from tests.helpers.untrained_studies import build_membership, build_plan

TUNED = (
    "the settings were chosen by scores of the tuning half, which is compared here: dnn study judges the reporting half"
)
MIXED = (
    "the settings of some runs were tuned, and those of others are defaults: --where 'study.arm = tuned' compares "
    "tuned settings alone"
)
EVALUATION = Evaluation(at="2026-02-01T00:00:00+00:00", split="test", examples=9, scores={"accuracy": 0.8, "loss": 0.1})


@pytest.fixture
def find_caveats(study_runs):
    """Return a function that returns the caveats of a comparison of selected runs."""

    def compare(*addresses, query=None, **options):
        store = CachedStore(study_runs.root)
        runs = select_runs(store, addresses, query, reported=True)
        return compare_runs(runs, all_runs=store.with_details(store.list_runs()), **options).caveats

    return compare


@pytest.mark.parametrize("by", [(), ("study.value",), ("optimizer.type",)])
def test_tuned_arm_has_one_caveat(study_runs, find_caveats, by):
    study_runs.add_study(build_plan())
    # Other runs of the store tried more rates with one optimizer.
    for rate in range(1, 6):
        study_runs.add("optimizer=adam", f"lr={rate / 100}")
    assert find_caveats("study:01", by=by) == (TUNED,)


def test_tuned_keys_outside_the_question_are_no_caveat(study_runs, find_caveats):
    """The values of a question about layers have learning rates that were tuned for each value."""
    plan = build_plan()
    for value, rate in (("relu", "0.1"), ("tanh", "0.01")):
        for seed in (1, 2, 3):
            membership = build_membership(plan.digest, value=value)
            study_runs.add(f"layers.hidden.activation={value}", f"lr={rate}", f"seed={seed}", sweeps=(membership,))
    assert find_caveats("study:01") == (TUNED,)


def test_other_arms_and_phases(study_runs, find_caveats):
    study_runs.add_study(build_plan())
    assert find_caveats("study:01", query="study.arm = default") == ()
    assert MIXED in find_caveats("study:01", query="study.phase = final")
    assert not {TUNED, MIXED} & {*find_caveats("study:01", query="study.phase = tuning")}


def test_test_scores_are_not_those_of_the_tuning_half(study_runs, find_caveats):
    study_runs.add_study(build_plan())
    for path in study_runs.root.glob("*/run.json"):
        run = type(CachedStore(study_runs.root).list_runs()[0].run)(path.parent)
        run.write_record(run.read_raw_record().model_copy(update={"evaluated": (EVALUATION,)}))
    assert find_caveats("study:01", metric="test_accuracy") == ()
    assert find_caveats("study:01") == (TUNED,)


def test_unequal_tuning_outside_of_studies_is_a_caveat(study_runs, find_caveats):
    study_runs.add_study(build_plan())
    compared = [study_runs.add(f"optimizer={kind}", f"seed={seed}") for kind in ("sgd", "adam") for seed in (8, 9)]
    for rate in range(1, 6):
        study_runs.add("optimizer=adam", f"lr={rate / 7}")
    assert any("learning rates were tried with adam" in caveat for caveat in find_caveats(*compared))


def test_runs_of_several_studies_are_not_one_study(study_runs, find_caveats):
    study_runs.add_study(build_plan())
    other = study_runs.add("optimizer=adam", "lr=0.3", "seed=1", sweeps=())
    assert TUNED not in find_caveats("study:01", other)
