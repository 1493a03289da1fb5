"""Caveats about baselines in a comparison: networks that do not beat them, and limits of their training."""

from collections.abc import Iterator, Sequence

from dnn_cli.compare.group import Group
from dnn_cli.compare.group_labels import label_groups
from dnn_cli.compare.run_scores import RunScore
from dnn_cli.compare.verdicts import VerdictSet, VerdictWord


def find_unbeaten_baselines(groups: Sequence[Group], verdict_set: VerdictSet) -> Iterator[str]:
    """Yield a caveat if the reference network is not clearly better than a baseline.

    The reference is the best network, unless the user named another group. If the user named a baseline, the caveat
    says that no network is clearly better than this baseline.

    Args:
        groups: The groups of the comparison, from best to worst.
        verdict_set: The verdicts.
    """
    reference = verdict_set.reference
    has_networks = any(not group.is_baseline for group in groups)
    if reference is None or not has_networks:
        return
    words: dict[int, VerdictWord] = {id(verdict.group): verdict.word for verdict in verdict_set.verdicts}
    if reference.is_baseline:
        network_words = {words.get(id(group)) for group in groups if not group.is_baseline}
        if "better" not in network_words:
            yield _format_unbeaten(
                "no network is clearly better than", [reference], is_undecided="undecided" in network_words
            )
        return
    # Without a test, as for losses of single runs, a baseline with a worse score is not named.
    tested = {id(verdict.group) for verdict in verdict_set.verdicts if verdict.p_value is not None}
    rank = next(at for at, group in enumerate(groups) if group is reference)
    judged = [
        group
        for at, group in enumerate(groups)
        if group.is_baseline and id(group) in words and (id(group) in tested or at < rank)
    ]
    unbeaten = [group for group in judged if words[id(group)] != "worse"]
    if unbeaten:
        label = label_groups(groups)[id(reference)]
        are_better = all(words[id(group)] == "better" for group in unbeaten)
        relation = "is worse than" if are_better else "is not clearly better than"
        subject = f"{label if verdict_set.is_named else 'the best network'} {relation}"
        is_undecided = any(words[id(group)] == "undecided" for group in unbeaten)
        yield _format_unbeaten(subject, unbeaten, is_undecided=is_undecided)


def _format_unbeaten(subject: str, baselines: Sequence[Group], *, is_undecided: bool) -> str:
    """Return the caveat about baselines that a network does not beat.

    Args:
        subject: The beginning of the sentence, such as `the best network is worse than`.
        baselines: The baselines, from best to worst.
        is_undecided: Whether more seeds can change a verdict.
    """
    texts = [f"{_get_title(group)} ({_format_mean(group.mean)})" for group in baselines]
    listed = " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
    # More repetitions of a cross-validation add no examples, which a verdict on folds needs most.
    source = "examples" if baselines[0].fold_means else "seeds"
    more = f"; more {source} can show a difference" if is_undecided else ": a simpler model can be enough"
    return f"{subject} {listed}{more}"


def _format_mean(mean: float) -> str:
    """Return a mean with at least four significant digits, and without an exponent for thousands."""
    return f"{mean:.4g}" if abs(mean) < 1e4 or abs(mean) >= 1e6 else f"{mean:.0f}"


def _get_title(group: Group) -> str:
    """Return the title of a baseline in sentences, such as `gradient boosting`."""
    baseline = group.run_scores[0].record.baseline
    return baseline.title if baseline else group.name


def find_baseline_notes(run_scores: Sequence[RunScore]) -> Iterator[str]:
    """Yield the limits of the training of each baseline, such as a subsample."""
    for run_score in run_scores:
        for note in run_score.record.baseline.notes if run_score.record.baseline else ():
            yield f"{run_score.record.name}: {note}"
