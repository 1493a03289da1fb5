"""The address `study:ID`: the runs of a study under its newest plan, and fields for their roles."""

import json
from itertools import chain

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.runs.query.selection import CachedStore, query_runs, select_runs
from dnn_cli.runs.store import Store
from dnn_cli.study.plan import read_plan
from tests.helpers.untrained_studies import STUDY_ID, build_membership, build_plan


@pytest.fixture
def find(study_runs):
    """Return a function that returns the sorted ids of the runs with an address."""
    return lambda address, **options: sorted(
        run.directory.name[-8:] for run in Store(study_runs.root).find_all(address, **options)
    )


def test_address_names_all_runs_of_the_study(study_runs, find):
    ids = study_runs.add_study(build_plan())
    study_runs.add("seed=7")
    study_runs.add("seed=8", sweeps=(build_membership(None, id="aaaaaaaa"),))
    assert find(f"study:{STUDY_ID}") == find("study:012") == sorted(chain(*ids.values()))
    assert find("study:012", reported=True) == sorted(ids["tuned"])


def test_newest_plan_counts(study_runs, find):
    """A run of an earlier plan is left out, and a run of two plans counts; the plan in the file is the newest."""
    old, new = build_plan(trials=2), build_plan(trials=1)
    only_old = study_runs.add("seed=1", sweeps=(build_membership(old.digest),))
    both = study_runs.add("seed=2", sweeps=(build_membership(new.digest), build_membership(old.digest)))
    study_runs.write_plan(new)
    assert find("study:01") == [both]
    study_runs.write_plan(old)
    assert find("study:01") == [only_old, both]


@pytest.mark.parametrize("damage", [None, "", "trials: 3\n", "[", "tasks: [1]\n", "tasks: 7\n"])
def test_plan_of_the_latest_run_counts_without_a_usable_plan_file(study_runs, find, damage):
    old, new = build_plan(trials=2), build_plan(trials=3)
    study_runs.add("seed=1", sweeps=(build_membership(old.digest),))
    latest = study_runs.add("seed=2", sweeps=(build_membership(old.digest), build_membership(new.digest)))
    if damage is not None:
        study_runs.write_plan(new)
        (path,) = study_runs.root.glob("studies/*/study.yaml")
        path.write_text(damage)
    assert find("study:01") == [latest]


def test_plan_without_runs_does_not_hide_the_runs(study_runs, find):
    """A plan that was changed before any training, or by hand, has no runs."""
    ids = study_runs.add_study(build_plan())
    (path,) = study_runs.root.glob("studies/*/study.yaml")
    path.write_text(path.read_text().replace("trials: 2", "trials: 9"))
    assert find("study:01") == sorted(chain(*ids.values()))


def test_plan_in_the_file_has_the_digest_of_the_runs(study_runs):
    plan = build_plan(points=((1 / 3, 1e-6), (5e-324, 0.1)), level=1e-05, tuned_keys=("lr=log(1e-4,1)", "1e-4", "no"))
    study_runs.write_plan(plan)
    (directory,) = study_runs.root.glob("studies/*")
    assert read_plan(directory).digest == plan.digest


def test_run_of_two_studies_is_found_by_both(study_runs, find):
    roles = build_membership("a" * 16), build_membership("b" * 16, id="99999999", value="adam")
    shared = study_runs.add("seed=1", sweeps=roles)
    assert find("study:0123") == find("study:9") == [shared]


def test_damaged_role_is_a_broken_run(study_runs, find):
    ids = study_runs.add_study(build_plan())
    (path,) = study_runs.root.glob(f"*-{ids['tuned'][0]}/run.json")
    path.write_text(path.read_text().replace('"phase": "final"', '"phase": "finale"'))
    assert ids["tuned"][0] not in find("study:01")
    broken = query_runs(Store(study_runs.root), "status = broken").runs
    assert [run.error for run in broken] == ["run.json: sweeps.0.study.phase: Input should be 'tuning' or 'final'"]


@pytest.mark.parametrize(
    ("address", "message", "suggestion"),
    [
        ("study:7", "no study 7", f"use one of {STUDY_ID} (digits), 99999999 (digits)"),
        ("study:", "no study ", f"use one of {STUDY_ID} (digits), 99999999 (digits)"),
        ("study:aa", "aa is the id of a sweep, not of a study", "use sweep:aa"),
        ("sweep:01", "01 is the id of a study, not of a sweep", "use study:01"),
        ("sweep:b", "no sweep b", "use one of aaaaaaaa (digits)"),
    ],
)
def test_wrong_ids_are_reported(study_runs, find, address, message, suggestion):
    study_runs.add("seed=1", sweeps=(build_membership("b" * 16, id="99999999"), build_membership(None, id="aaaaaaaa")))
    study_runs.add("seed=2", sweeps=(build_membership("a" * 16),))
    with pytest.raises(UsageError) as caught:
        find(address)
    assert (caught.value.message, caught.value.suggestion) == (message, suggestion)


def test_several_studies_with_one_beginning_are_reported(study_runs, find):
    study_runs.add("seed=1", sweeps=(build_membership("a" * 16), build_membership("a" * 16, id="0199aaaa")))
    with pytest.raises(UsageError, match="2 studies have an id that begins with 01"):
        find("study:01")


def test_study_in_tuning_has_no_reported_runs(study_runs, find):
    study_runs.add("seed=1", sweeps=(build_membership("a" * 16, "tuning"),))
    with pytest.raises(UsageError, match="study:01 has no final run with tuned settings yet"):
        find("study:01", reported=True)


@pytest.mark.parametrize("kind", ["sweep", "study"])
def test_command_for_one_run_refuses_several_runs(study_runs, kind):
    study_runs.add("seed=1", sweeps=(build_membership("a" * 16 if kind == "study" else None),))
    with pytest.raises(UsageError) as caught:
        Store(study_runs.root).find_only(f"{kind}:01")
    assert caught.value.suggestion == f"dnn runs {kind}:01 lists the runs"


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        (f"study = {STUDY_ID}", ["tuning", "default", "tuned"]),
        ("study = digits", ["tuning", "default", "tuned"]),
        ("study.phase = final", ["default", "tuned"]),
        ("study.arm = default", ["default"]),
        ("study.phase = tuning and study.value = adam and study.trial = 1", ["tuning"]),
        (f"sweep = {STUDY_ID}", []),
    ],
)
def test_conditions_select_by_role(study_runs, condition, kinds):
    ids = study_runs.add_study(build_plan())
    study_runs.add("seed=7")
    runs = query_runs(Store(study_runs.root), condition).runs
    assert {run.record.id for run in runs} <= {run_id for kind in kinds for run_id in ids[kind]}
    assert bool(runs) == bool(kinds)


def test_run_of_both_arms_meets_conditions_on_both(study_runs):
    both = (build_membership("a" * 16, arm="default", trial=None), build_membership("a" * 16, arm="tuned"))
    study_runs.add("seed=1", sweeps=both)
    for arm in ("default", "tuned"):
        assert query_runs(Store(study_runs.root), f"study.arm = {arm} and study.value = sgd").match_count == 1


def test_condition_selects_among_all_runs_of_a_study(study_runs):
    ids = study_runs.add_study(build_plan())
    runs = select_runs(CachedStore(study_runs.root), ["study:01"], "study.phase = tuning", reported=True)
    assert sorted(run.record.id for run in runs) == sorted(ids["tuning"])


def test_membership_in_a_sweep_is_written_without_a_role(study_runs):
    study_runs.add("seed=1", sweeps=(build_membership(None), build_membership("a" * 16)))
    (path,) = study_runs.root.glob("*/run.json")
    sweep, study = json.loads(path.read_text())["sweeps"]
    assert "study" not in sweep
    assert study["study"]["plan"] == "a" * 16
    assert len(Store(study_runs.root).list_runs()[0].record.sweeps) == 2
