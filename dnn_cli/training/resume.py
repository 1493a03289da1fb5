"""Whether a run may go on: what has changed since it was trained, so that it would not come out as if unbroken."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import UsageError
from dnn_cli.runs.checkpoint import Checkpoint, Progress
from dnn_cli.runs.record import Record
from dnn_cli.spec.differences import PATHS, differences, nameless
from dnn_cli.spec.experiment import Experiment
from dnn_cli.training import environment

if TYPE_CHECKING:
    from dnn_cli.training.job import Job

VERSIONS = ("keras", "tensorflow")
"""Packages whose versions decide what numbers come out."""


def identity(experiment: Experiment) -> str:
    """A digest of all that decides what is trained, apart from how long, names, and where data lies."""
    text = json.dumps(nameless(essence(experiment)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def outcome_key(experiment: Experiment) -> str:
    """A digest of all that decides what comes out: equal runs have it in their records."""
    return hashlib.sha256(f"{identity(experiment)} {experiment.epochs}".encode()).hexdigest()


def essence(experiment: Experiment) -> dict[str, Any]:
    """What `identity` is a digest of, and names."""
    plain = experiment.model_dump(mode="json")
    data = {key: value for key, value in plain["data"].items() if f"data.{key}" not in PATHS}
    return {**{key: value for key, value in plain.items() if key != "epochs"}, "data": data}


def check_can_go_on(record: Record, checkpoint: Checkpoint | None, wanted: Experiment, *, force: bool) -> None:
    """Refuse to go on where there is nothing to do, or nothing to begin with.

    Raises:
        UsageError: with what to do instead.
    """
    epochs, here = wanted.epochs, f"run {record.id}"
    progress = checkpoint.progress if checkpoint else Progress(experiment="")
    done = progress.epoch
    if epochs < done + bool(progress.calls):
        how_far = f"has begun epoch {done + 1}" if progress.calls else f"has {done} epochs"
        raise UsageError(f"{here} {how_far} already, and epochs is {epochs}", "a larger number goes on")
    columns = {"epoch", *wanted.scores, "learning_rate", "seconds"}
    if progress.rows and progress.rows[0].keys() != columns:
        others = ", ".join(sorted(progress.rows[0].keys() ^ columns))
        raise UsageError(f"{here} was told by other scores: {others}", "what is measured otherwise is trained anew")
    if record.status == "completed":
        if checkpoint is None:
            raise UsageError(f"{here} is completed, and its checkpoint is gone", "train its config.yaml anew")
        if progress.stopped and not force:
            raise UsageError(
                f"{here} is completed: {record.reason or 'early_stopping has ended it'}",
                f"epochs={epochs if epochs > done else 2 * done} '~early_stopping' --force trains it further, "
                "early_stopping.patience=… --force with more patience",
            )
        if epochs == done:
            raise UsageError(f"{here} has all its {epochs} epochs", f"epochs={2 * epochs} trains it further")
    if record.status == "diverged" and not force:
        raise UsageError(
            f"{here} diverged ({record.reason}), and would again",
            f"optimizer.learning_rate=… and --force go on from epoch {done + 1} with another rate",
        )


def changes(record: Record, checkpoint: Checkpoint | None, before: Experiment, wanted: Experiment) -> list[str]:
    """What is no longer as it was, known without data: the experiment and the versions."""
    found = []
    if checkpoint is not None and checkpoint.progress.experiment != identity(before):
        found.append("config.yaml is not what the last checkpoint was made with")
    then = {name: record.versions.get(name) for name in VERSIONS}
    return [*found, *differing(before, wanted), *unequal(then, environment.versions())]


def differing(before: Experiment, wanted: Experiment) -> list[str]:
    """The keys in which two experiments are not the same, with their values."""
    old, new = differences([essence(before), essence(wanted)])
    return [f"{key}: {old.get(key) or '–'} → {new.get(key) or '–'}" for key in dict.fromkeys([*old, *new])]


def unequal(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is other now than it was then, of what is told of then."""
    return [
        f"{name}: {old} → {now.get(name)}" for name, old in then.items() if old is not None and old != now.get(name)
    ]


def changes_on_the_spot(record: Record, job: "Job") -> list[str]:
    """What else is no longer as it was: the examples, the processor, and how the engine runs there."""
    found = []
    if record.data.get("fingerprint") != job.examples.fingerprint():
        found.append("data: other examples")
    elif record.data.get("split") not in (None, job.split.fingerprint()):
        found.append("data: divided otherwise")
    then = {"engine": record.engine, **record.plan, "device": record.platform.get("device")}
    now = {**asdict(job.plan), "device": job.device.name}
    return found + unequal({name: value for name, value in then.items() if name != "why"}, now)
