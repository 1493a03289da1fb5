"""Ensembles: scores of mean predictions, the choice of members, and runs that cannot be members."""

import numpy as np
import pytest

from dnn_cli.compare.ensemble_members import read_members
from dnn_cli.compare.ensemble_scores import choose_best_members, divide_examples, list_all_members, score_ensemble
from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.run_info import read_run_info
from tests.helpers.member_runs import COUNT, draw_members, make_members

LOGITS = "loss={type: sparse_categorical_crossentropy, from_logits: true}"


def read_set(runs):
    return read_members([read_run_info(run).with_details() for run in runs])


def score_all(member_set, metric="accuracy"):
    choice = list_all_members(member_set, metric)
    return score_ensemble(member_set.examples, [member.quantities for member in choice.candidates], choice)


def get_score(result, name):
    return next(score for score in result.scores if score.name == name)


def test_scores_are_those_of_the_mean_probabilities(make_run):
    targets, outputs = draw_members(3)
    result = score_all(read_set(make_members(make_run, outputs, targets)))
    mean, rows = outputs.astype(float).mean(0), np.arange(COUNT)
    accuracy, loss = get_score(result, "accuracy"), get_score(result, "loss")
    assert accuracy.ensemble == pytest.approx((mean.argmax(-1) == targets).mean())
    assert accuracy.mean_member == pytest.approx((outputs.argmax(-1) == targets).mean())
    assert accuracy.best_member == pytest.approx((outputs.argmax(-1) == targets).mean(1).max())
    assert loss.ensemble == pytest.approx(-np.log(mean[rows, targets]).mean())
    assert loss.gain.value == pytest.approx(loss.mean_member - loss.ensemble)
    assert accuracy.gain.value == pytest.approx(accuracy.ensemble - accuracy.mean_member)
    assert loss.gain.interval[0] < loss.gain.value < loss.gain.interval[1]


def test_logits_are_averaged_as_probabilities(make_run):
    targets, outputs = draw_members(3)
    expected = score_all(read_set(make_members(make_run, outputs, targets)))
    shifts = np.random.default_rng(0).normal(size=(3, COUNT, 1))
    runs = make_members(make_run, np.log(outputs) + shifts, targets, LOGITS, "~layers.output.activation", first=7)
    result = score_all(read_set(runs))
    for ours, theirs in zip(result.scores, expected.scores, strict=True):
        assert (ours.ensemble, ours.mean_member) == pytest.approx((theirs.ensemble, theirs.mean_member), abs=1e-5)


def test_curve_begins_with_the_mean_member_and_ends_with_the_ensemble(make_run):
    targets, outputs = draw_members(5)
    result = score_all(read_set(make_members(make_run, outputs, targets)))
    score, (first, *_, last) = get_score(result, "accuracy"), result.curve
    assert (first.size, first.gain, first.score) == (1, 0, pytest.approx(score.mean_member))
    assert (last.size, last.score, last.gain) == (5, pytest.approx(score.ensemble), pytest.approx(score.gain.value))


def test_best_members_are_chosen_on_other_examples_than_the_scores(make_run):
    targets, outputs = draw_members(4)
    member_set = read_set(make_members(make_run, outputs, targets))
    chosen_on, scored_on = divide_examples(member_set)
    assert sorted([*chosen_on, *scored_on]) == [*range(COUNT)]
    choice = choose_best_members(member_set, "accuracy", 2, chosen_on)
    accuracies = (outputs[:, chosen_on].argmax(-1) == targets[chosen_on]).mean(1)
    order = np.argsort(-accuracies, kind="stable")
    assert [member.run_info.details.seed for member in choice.candidates] == (order + 1).tolist()
    assert choice.scores == pytest.approx(tuple(accuracies[order]))
    # Other predictions on the examples of the scores change no choice.
    outputs[:, scored_on] = outputs[::-1, scored_on]
    again = read_set(make_members(make_run, outputs, targets, first=11))
    other = choose_best_members(again, "accuracy", 2, chosen_on)
    assert [member.run_info.details.seed - 10 for member in other.candidates] == (order + 1).tolist()
    result = score_ensemble(
        member_set.examples.select(scored_on), [member.quantities[scored_on] for member in choice.candidates], choice
    )
    assert len(result.examples) == COUNT // 2 and len(result.curve) == 4
    score = get_score(result, "accuracy")
    assert score.gain_over_best.value == pytest.approx(score.ensemble - score.best_member)


def test_whole_weights_count_like_repeated_examples(make_run):
    targets, outputs = draw_members(3)
    member_set = read_set(make_members(make_run, outputs, targets))
    weights = np.random.default_rng(0).integers(1, 4, COUNT)
    rows = np.repeat(np.arange(COUNT), weights)
    choice = list_all_members(member_set, "accuracy")
    quantities = [member.quantities for member in choice.candidates]
    weighted = score_ensemble(member_set.with_weights(weights.astype(float)).examples, quantities, choice)
    repeated = score_ensemble(member_set.examples.select(rows), [part[rows] for part in quantities], choice)
    ours, theirs = get_score(weighted, "accuracy"), get_score(repeated, "accuracy")
    assert (ours.ensemble, ours.gain.value) == pytest.approx((theirs.ensemble, theirs.gain.value))


def test_copies_and_unfinished_runs_are_left_out(make_run):
    targets, outputs = draw_members(4)
    first, second, _, _ = runs = make_members(make_run, outputs, targets)
    for run in (first, second):
        record = run.read_raw_record()
        results = record.results.model_copy(update={"weights": "sha256:1"})
        run.write_record(record.model_copy(update={"results": results}))
    runs.append(make_run("seed=9", digits="00000009", status="failed"))
    member_set = read_set(runs)
    assert [member.record.id[-1] for member in member_set.members] == ["1", "3", "4"]
    assert member_set.left_out == (
        ("digits 00000002", "has the same weights as digits 00000001"), ("digits 00000009", "is failed"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "data", "parts"),
    [
        (["data.split_seed=7"], {"split": "sha256:7"}, ["data.split_seed is 7, not"]),
        ([], {"fingerprint": "sha256:7"}, ["the digest of the data of both runs differ"]),
        (["loss={type: sparse_categorical_crossentropy, ignore_class: 1}"], {}, ["loss"]),
        (["metrics=[accuracy, sparse_top_k_categorical_accuracy]"], {}, ["metrics is"]),
        (["data.folds=5", "data.fold=2"], {}, ["is fold 2 of 5 of a cross-validation"]),
    ],
    ids=["split", "data", "loss", "metrics", "fold"],
)
def test_runs_with_other_examples_or_scores_are_refused(make_run, overrides, data, parts):
    targets, outputs = draw_members(3)
    runs = make_members(make_run, outputs[:2], targets)
    (other,) = make_members(make_run, outputs[2:], targets, *overrides, first=3)
    record = other.read_raw_record()
    other.write_record(record.model_copy(update={"data": {**record.data, **data}}))
    with pytest.raises(UsageError) as error:
        read_set([*runs, other])
    assert error.value.message.startswith("digits 00000003 ")
    for part in parts:
        assert part in error.value.message


def test_runs_with_other_validation_examples_are_refused(make_run):
    targets, outputs = draw_members(2)
    runs = make_members(make_run, outputs[:1], targets)
    runs += make_members(make_run, outputs[1:, 5:], targets[5:], first=2)
    with pytest.raises(UsageError, match="the validation examples of both runs differ"):
        read_set(runs)


def test_predictions_that_are_not_finite_are_refused(make_run):
    targets, outputs = draw_members(2)
    outputs[1, 3, 2] = np.nan
    with pytest.raises(RunError, match="digits 00000002 has predictions that are not finite"):
        read_set(make_members(make_run, outputs, targets))


def test_one_run_is_refused(make_run):
    targets, outputs = draw_members(1)
    with pytest.raises(UsageError, match="at least two completed runs"):
        read_set(make_members(make_run, outputs, targets))
