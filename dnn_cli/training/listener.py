"""Who is told how a training goes."""

from collections.abc import Mapping
from typing import Protocol

from dnn_cli.training.plan import Plan


class Listener(Protocol):
    """Is told of every batch and every epoch; scores are Keras's running means over the epoch."""

    def on_begin(self, device: str, plan: Plan, steps: int) -> None:
        """The first epoch is about to start on this processor, in this way; every epoch has `steps` batches."""

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        """`step` batches of an epoch (from 1) are done."""

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        """An epoch is done; its row of `metrics.csv`."""
