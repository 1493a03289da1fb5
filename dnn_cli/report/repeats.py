"""Runs that do not count because another run repeats them, in words."""

from collections.abc import Sequence

from dnn_cli.compare.caveats import format_list
from dnn_cli.compare.repeats import Repeat
from dnn_cli.report.words import count


def copies_text(repeats: Sequence[Repeat]) -> str:
    """Return the line that names the copies among repeats; empty where there is no copy."""
    copies = [repeat for repeat in repeats if repeat.is_copy]
    verb = "is a copy" if len(copies) == 1 else "are copies"
    return f"{named_runs(copies)} {verb} with equal weights: each experiment and seed counts once" if copies else ""


def superseded_text(repeats: Sequence[Repeat]) -> str:
    """Return the line that names the repeats with other weights; empty where there is none."""
    others = [repeat for repeat in repeats if not repeat.is_copy]
    runs = count(len(others), "run")
    return f"{runs} left out, as a later run repeats the experiment and seed: {named_runs(others)}" if others else ""


def named_runs(repeats: Sequence[Repeat]) -> str:
    """Return some repeats, each with the run that counts instead."""
    return format_list(f"{repeat.run} (of {repeat.counted})" for repeat in repeats)
