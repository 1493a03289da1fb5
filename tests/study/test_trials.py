"""Trials of a study: settings, rounds of extra trials, and the choice of the best."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.config.search_spaces import parse_tuned_keys
from dnn_cli.study.trials import MAX_ROUNDS, rank_trials, read_trials
from tests.helpers.digits import QUICK_YAML
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.study_trials import SPACES, build_plan, build_tuning_run

PLAN = build_plan()


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """Paths of the config of each value."""
    directory = tmp_path_factory.mktemp("configs")
    source = directory / "digits.yaml"
    source.write_text(QUICK_YAML)
    paths = {}
    for label in SPACES:
        paths[label] = directory / f"{label}.yaml"
        paths[label].write_text(to_yaml(load_experiment(str(source), [f"optimizer={label}"]).experiment))
    return paths


def read(configs, scores, plan=PLAN):
    """Read the trials from scores by label. Each score is of the trial with its position; `None` for no run."""
    runs = {
        label: {
            number: [build_tuning_run(label, number, score, configs[label])]
            for number, score in enumerate(items)
            if score is not None
        }
        for label, items in scores.items()
    }
    return read_trials(plan, plan.tasks[0], runs)


def train_all(configs, score_trial, plan=PLAN):
    """Train all trials, as phases do: return the trials after each phase."""
    phases = [read(configs, {}, plan)]
    while not all(item.is_finished for item in phases[-1].values()):
        scores = {
            label: [score_trial(label, trial.number, float(trial.setting["optimizer.learning_rate"]))
                    for trial in item.trials]
            for label, item in phases[-1].items()
        }  # fmt: skip
        phases.append(read(configs, scores, plan))
    return phases


def compute_shares(item, label, count):
    (space,) = parse_tuned_keys([f"{key}={text}" for key, text in SPACES[label].items()])
    return [space.values.compute_share(trial.setting[space.key]) for trial in item.trials[:count]]


def test_all_values_try_the_same_unit_points(configs):
    trials = read(configs, {})
    shares = [compute_shares(trials[label], label, 4) for label in SPACES]
    assert shares[0] == pytest.approx(shares[1], abs=1e-3)
    assert shares[0] == pytest.approx([point[0] for point in PLAN.points[:4]], abs=1e-3)
    assert {trial.status for item in trials.values() for trial in item.trials} == {"to train"}


def test_no_range_grows_before_all_values_are_tuned(configs):
    rising = [0.1, 0.2, 0.3, 0.4]
    for last in (None, "failed", "interrupted", "running"):
        trials = read(configs, {"sgd": rising, "adam": [*rising[:3], last]})
        assert [len(item.trials) for item in trials.values()] == [4, 4]
        assert not trials["adam"].is_finished


def test_a_best_rate_at_an_edge_gives_all_values_more_trials(configs):
    # The best of sgd has the largest rate, and the best of adam is in the middle.
    def score_trial(label, number, rate):
        return rate / (1 + rate) if label == "sgd" else 0.5 - abs(rate - 1e-3)

    plan = build_plan(points=40, trials=20)
    phases = train_all(configs, score_trial, plan)
    assert [len(phase["sgd"].trials) for phase in phases] == [20, 25, 30, 30]
    assert [len(phase["adam"].trials) for phase in phases] == [20, 25, 30, 30]
    last = phases[-1]
    assert last["sgd"].grown_keys == ("optimizer.learning_rate",) * MAX_ROUNDS
    assert [edge.end_value for edge in last["sgd"].edges] == ["100"]
    extra = [float(trial.setting["optimizer.learning_rate"]) for trial in last["sgd"].trials[20:]]
    assert all(1 <= rate <= 10 for rate in extra[:5])
    assert all(10 <= rate <= 100 for rate in extra[5:])
    assert last["adam"].grown_keys == last["adam"].edges == ()
    adam = [float(trial.setting["optimizer.learning_rate"]) for trial in last["adam"].trials[20:]]
    assert all(1e-5 <= rate <= 0.1 for rate in adam)
    for phase in phases:
        settings = [trial.setting for trial in phase["sgd"].trials]
        assert settings == [trial.setting for trial in last["sgd"].trials[: len(settings)]]


OUTCOMES = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.25, 0.5]), st.just("diverged")), min_size=8, max_size=8
)


@settings(max_examples=200 if RUN_ALL_CASES else 12)
@given(OUTCOMES, OUTCOMES)
def test_all_values_have_equally_many_trials(configs, first, second):
    outcomes = {"sgd": first, "adam": second}
    phases = train_all(configs, lambda label, number, rate: outcomes[label][number])
    assert len(phases) <= 2 + MAX_ROUNDS
    for phase in phases:
        assert len({len(item.trials) for item in phase.values()}) == 1
    for label, item in phases[-1].items():
        tried = outcomes[label][: len(item.trials)]
        scores = [outcome for outcome in tried if outcome != "diverged"]
        assert item.diverged_share == tried.count("diverged") / len(tried)
        ranked = rank_trials(PLAN.tasks[0], item.trials)
        if not scores:
            assert not ranked and not item.edges and not item.grown_keys
            continue
        assert ranked[0].score == max(scores)
        assert ranked[0].number == tried.index(max(scores))


def test_a_lower_loss_is_better():
    task = build_plan(score="val_loss").tasks[0]
    runs = {label: {n: [build_tuning_run(label, n, s, None)] for n, s in enumerate([0.3, 0.2])} for label in SPACES}
    trials = read_trials(build_plan(score="val_loss"), task, runs)
    assert rank_trials(task, trials["sgd"].trials)[0].number == 1


@pytest.mark.parametrize(
    ("outcomes", "status", "score"),
    [
        ([0.5, 0.25], "completed", 0.375),
        ([0.5], "to train", None),
        ([0.5, "interrupted"], "to train", None),
        ([0.5, "diverged"], "diverged", None),
        (["diverged"], "diverged", None),
    ],
)
def test_a_trial_of_folds_has_their_mean(outcomes, status, score):
    runs = [build_tuning_run("sgd", 0, outcome, None, fold) for fold, outcome in enumerate(outcomes, 1)]
    plan = build_plan(folds=2)
    first = read_trials(plan, plan.tasks[0], {"sgd": {0: runs}})["sgd"].trials[0]
    assert (first.status, first.score) == (status, score)
