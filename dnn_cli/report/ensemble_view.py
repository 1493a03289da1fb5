"""Scores of an ensemble as a table, lines, a curve in the terminal, and JSON."""

from typing import Any

from dnn_cli.compare.ensemble_members import MemberSet
from dnn_cli.compare.ensemble_scores import EnsembleResult, EnsembleScore, MemberChoice
from dnn_cli.config.config_diff import find_config_differences, shorten_keys
from dnn_cli.metrics.averaged_predictions import averages_logits_as_probabilities
from dnn_cli.metrics.ensemble_gain import Gain
from dnn_cli.report.chart_math import Axis
from dnn_cli.report.prediction_tables import has_probability_outputs
from dnn_cli.report.table_cells import TableCells
from dnn_cli.report.terminal_chart import ChartLine, draw_chart
from dnn_cli.report.text import format_count, format_score

_MAX_LISTED_MEMBERS = 20
"""Largest number of members in the table of members."""

_MIN_CURVE_MEMBERS = 3
"""Smallest number of members for which the curve is drawn."""

_MIN_WRONG_EXAMPLES = 3
"""Smallest mean number of wrong examples of a member without a note. With fewer, intervals of the loss contain the true
gain in 77 to 91% of cases."""


def _get_averaged_name(member_set: MemberSet) -> str:
    """Return the name of the averaged quantities: `probabilities`, or `outputs`."""
    experiment = member_set.experiment
    if not experiment.data.info.is_classification or experiment.loss.takes_margins:
        return "outputs"
    is_probability = averages_logits_as_probabilities(experiment) or has_probability_outputs(experiment)
    return "probabilities" if is_probability else "outputs"


def format_ensemble_headline(member_set: MemberSet, choice: MemberChoice, result: EnsembleResult, split: str) -> str:
    """Return the members, the examples and the averaged quantities of an ensemble in one sentence.

    Args:
        member_set: The runs with their experiment.
        choice: The members.
        result: The scores.
        split: The split of the examples: `validation` or `test`.
    """
    size = len(choice.members)
    subject = f"the best {size} of {len(choice.candidates)} runs" if choice.is_by_score else f"{size} runs"
    examples = format_count(len(result.examples), f"{split} example")
    return f"ensemble of {subject} on {examples}: mean of {_get_averaged_name(member_set)}"


def build_score_cells(choice: MemberChoice, result: EnsembleResult) -> TableCells:
    """Build a table with a row for each score: ensemble, mean of the members, best member, and gain with interval."""
    best_header = "first" if choice.is_by_score else "best"
    headers = ["score", "ensemble", "mean", best_header, "gain", "95% interval"]
    rows = [
        [
            score.name,
            format_score(score.ensemble),
            format_score(score.mean_member),
            format_score(score.best_member),
            _format_gain(score.gain.value),
            _format_interval(score.gain),
        ]
        for score in result.scores
    ]
    return TableCells(headers, rows, right=headers[1:], cut=("score",))


def _format_gain(value: float) -> str:
    """Return a gain with its sign, such as `+0.0123` or `−0.0123`."""
    sign = "−" if value < 0 else "+" if value > 0 else ""
    return f"{sign}{format_score(abs(value))}"


def _format_interval(gain: Gain) -> str:
    """Return the interval of a gain, such as `−0.0010 to +0.0230`; a dash without an interval."""
    return "–" if gain.interval is None else " to ".join(map(_format_gain, gain.interval))


def format_score_notes(choice: MemberChoice, result: EnsembleResult, split: str) -> list[str]:
    """Return sentences on the columns of the table of scores, and on the choice of the members.

    Args:
        choice: The members.
        result: The scores.
        split: The split of the examples: `validation` or `test`.
    """
    notes = ["gain: over the mean, positive if the ensemble is better; the interval is for other examples"]
    accuracy = _find_score(result, "accuracy")
    if accuracy is not None and (1 - accuracy.mean_member) * len(result.examples) < _MIN_WRONG_EXAMPLES:
        notes.append(f"members are wrong on fewer than {_MIN_WRONG_EXAMPLES} examples: the intervals are too narrow")
    notes += _format_adjustment_notes(choice)
    if not choice.is_by_score:
        return [*notes, "best: the best member on the same examples, which favours its score"]
    half = "" if split == "test" else "the other half of "
    notes.append(
        f"members were chosen by {choice.metric} on {half}the validation set "
        f"({format_count(choice.example_count, 'example')}); first: the first choice"
    )
    score = _find_score(result, choice.metric)
    if score is not None and score.gain_over_best is not None and len(choice.members) > 1:
        over_best = score.gain_over_best
        text = "" if over_best.interval is None else f" (95% interval {_format_interval(over_best)})"
        notes.append(f"gain in {score.name} over the first choice: {_format_gain(over_best.value)}{text}")
    return notes


def _format_adjustment_notes(choice: MemberChoice) -> list[str]:
    """Return a sentence on members with a temperature or a threshold, which ensembles do not use; else no sentence."""
    count = sum(
        member.record.find_temperature(file_name) is not None or member.record.find_threshold(file_name) is not None
        for member, file_name in ((member, member.run_info.run.model.name) for member in choice.members)
    )
    if not count:
        return []
    subject = f"{count} of {format_count(len(choice.members), 'member')}"
    return [f"the mean has no temperature and no threshold, also in an exported model: those of {subject} are not used"]


def _find_score(result: EnsembleResult, name: str) -> EnsembleScore | None:
    """Return the score with a name; `None` without this score."""
    return next((score for score in result.scores if score.name == name), None)


def build_member_cells(choice: MemberChoice, result: EnsembleResult) -> TableCells:
    """Build a table with a row for each member, the first 20 at most.

    The columns are run, name, seed, the settings that differ between members, the score, and that of the choice.
    """
    members, metric = choice.members[:_MAX_LISTED_MEMBERS], choice.metric
    differences = find_config_differences([member.run_info.config or {} for member in members])
    keys = [key for key in dict.fromkeys(key for values in differences for key in values) if key != "seed"]
    names = dict(zip(keys, shorten_keys(keys), strict=True))
    of_choice = f"{metric} in choice"
    headers = ["member", "run", "name", "seed"]
    headers += ["settings"] if keys else []
    headers += [metric, *([of_choice] if choice.is_by_score else [])]
    rows = []
    for number, (member, values) in enumerate(zip(members, differences, strict=True)):
        settings = [" ".join(f"{names[key]}={values[key]}" for key in keys)] if keys else []
        scores = [format_score(result.member_scores[number].get(metric))]
        scores += [format_score(choice.scores[number])] if choice.is_by_score else []
        cells = [str(number + 1), member.record.id, member.record.name, str(member.run_info.details.seed)]
        rows.append([*cells, *settings, *scores])
    return TableCells(headers, rows, right=("member", "seed", metric, of_choice), cut=("name", "settings"))


def format_member_note(choice: MemberChoice) -> str:
    """Return the number of members that the table leaves out; empty if the table has all members."""
    more = len(choice.members) - _MAX_LISTED_MEMBERS
    return f"{format_count(more, 'more member')}, --json lists all" if more > 0 else ""


def draw_gain_curve(
    choice: MemberChoice, result: EnsembleResult, *, width: int, height: int, colour: bool, unicode: bool
) -> str:
    """Return the curve of the gain over one member by number of members; empty for fewer than three members.

    Args:
        choice: The members and the metric.
        result: The scores.
        width: The largest width of a line in terminal characters.
        height: The number of lines.
        colour: Whether control codes colour the curve.
        unicode: Whether the terminal can print more than ASCII.
    """
    curve = result.curve
    if len(curve) < _MIN_CURVE_MEMBERS:
        return ""
    single = "the first choice" if choice.is_by_score else "one member"
    line = ChartLine("gain", [point.size for point in curve], [point.gain for point in curve])
    return draw_chart(
        [line],
        title=f"gain in {choice.metric} over {single}",
        x_label="members",
        width=width,
        height=height,
        colour=colour,
        unicode=unicode,
        x_axis=Axis(1, len(curve), integers_only=True),
        y_values=(0.0,),
    )


def build_ensemble_document(
    member_set: MemberSet, choice: MemberChoice, result: EnsembleResult, split: str
) -> dict[str, Any]:
    """Build the JSON document of an ensemble. The arguments are those of `format_ensemble_headline`."""
    of_choice = choice.scores or (None,) * len(choice.members)
    return {
        "members": [
            {
                "id": member.record.id,
                "name": member.record.name,
                "seed": member.run_info.details.seed,
                "scores": scores,
                "score_in_choice": score,
            }
            for member, scores, score in zip(choice.members, result.member_scores, of_choice, strict=False)
        ],
        "candidates": len(choice.candidates),
        "chosen_by_score": choice.is_by_score,
        "metric": choice.metric,
        "averaged": _get_averaged_name(member_set),
        "split": split,
        "examples": len(result.examples),
        "examples_of_choice": choice.example_count,
        "scores": {
            score.name: {
                "ensemble": score.ensemble,
                "mean_member": score.mean_member,
                "best_member": score.best_member,
                "gain": _build_gain_document(score.gain),
                "gain_over_best": None if score.gain_over_best is None else _build_gain_document(score.gain_over_best),
            }
            for score in result.scores
        },
        "curve": [{"members": point.size, "score": point.score, "gain": point.gain} for point in result.curve],
        "left_out": [{"run": label, "reason": reason} for label, reason in member_set.left_out],
    }


def _build_gain_document(gain: Gain) -> dict[str, Any]:
    """Build the JSON document of a gain: its value, and both ends of its interval."""
    return {"value": gain.value, "interval": None if gain.interval is None else list(gain.interval)}
