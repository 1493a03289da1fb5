"""`fit`: train and save one network."""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np

from dnn_cli.data.pipeline import batches_of
from dnn_cli.errors import RunError
from dnn_cli.runs.files import whole_file
from dnn_cli.runs.record import Scores
from dnn_cli.runs.run import Run
from dnn_cli.spec.experiment import Experiment
from dnn_cli.training.callbacks import KeepBest, StopWhenDiverged, WriteDown, watching
from dnn_cli.training.checkpoints import KeepCheckpoints, Start, skip_calls
from dnn_cli.training.chunked import feed
from dnn_cli.training.diagnostics import Diagnose
from dnn_cli.training.endings import Interrupted, Stop
from dnn_cli.training.job import Job
from dnn_cli.training.listener import Listener
from dnn_cli.training.network import Network
from dnn_cli.training.state import restore


class Saved(NamedTuple):
    """The content of `model.keras`, and the epochs of the saved weights."""

    scores: Scores | None
    """Validation scores; `None` without a validation set."""

    weights: str
    """A digest."""

    epoch: int | None
    """The epoch of the weights in `model.keras`; `None` for averaged weights."""

    kept: int | None
    """The epoch of the weights in `best.keras`; `None` where no such file was written, or where it is not known."""


def fit(
    job: Job, network: Network, run: Run, listener: Listener, rows: list[Scores], start: Start, stop: Stop,
    seconds: Callable[[], float],
) -> Saved:  # fmt: skip
    """Train into a run directory, adding a row to `rows` for every epoch.

    Args:
        job: What to train.
        network: As it is built for that.
        run: Where everything is written.
        listener: Is told how it goes.
        rows: The epochs that are done already.
        start: Where it begins.
        stop: Why somebody wants it to end, if anybody does.
        seconds: The time that has gone into training so far.

    Raises:
        Diverged: the loss or a weight is no longer a finite number.
        Interrupted: somebody wanted it to end.
        RunError: the run directory cannot be written, or the checkpoint is of another network.
    """
    experiment, plan, split, progress = job.experiment, job.plan, job.split, start.progress
    model, pipeline = network.model, network.pipeline
    initial = network.probe.kernels(model) if experiment.diagnostics else []  # before a checkpoint replaces them
    if start.checkpoint is not None:
        restore(model, start.checkpoint.arrays, progress.optimizer, experiment.optimizer)
        if progress.calls:
            skip_calls(model, progress.calls)
    steps_per_epoch = batches_of(len(split.train), experiment.batch_size)
    if progress.calls > batches_of(steps_per_epoch, plan.steps):
        raise RunError(f"the checkpoint tells of {progress.calls} calls, more than an epoch has")
    first = experiment.epochs if progress.stopped else progress.epoch
    order = pipeline.shuffled(split.train, experiment.seed)
    training = feed(pipeline, plan, order, range(first, experiment.epochs), weighted=True)
    validation = feed(pipeline, plan, pipeline.in_order(split.validation)) if len(split.validation) else None
    validation_steps = batches_of(len(split.validation), experiment.batch_size) or None
    listener.on_begin(job.device.name, plan, steps_per_epoch)
    others = watching(experiment, run)
    model.fit(
        training,
        steps_per_epoch=steps_per_epoch,
        initial_epoch=first,
        epochs=experiment.epochs,
        validation_data=validation,
        validation_steps=validation_steps,
        callbacks=[
            StopWhenDiverged(experiment.batch_size),
            WriteDown(run, listener, rows, steps_per_epoch, experiment.scores, progress.epoch_seconds, progress.calls),
            *others,
            *([Diagnose(run, network.probe, start, initial, experiment)] if experiment.diagnostics else []),
            KeepCheckpoints(run, start, rows, others, stop, seconds, experiment),
        ],
        shuffle=False,  # the pipeline has the order of every epoch
        verbose=0,
    )
    with whole_file(run.model) as temporary:
        model.save(temporary)
    scores = None
    if validation is not None:
        scores = {name: value for name, value in rows[-1].items() if name.startswith("val_")}
        if changes_weights_at_the_end(experiment):
            found = model.evaluate(validation, steps=validation_steps, verbose=0, return_dict=True)
            scores = {f"val_{name}": float(value) for name, value in found.items()}
        if plan.engine == "chunked":
            outputs = network.predict(validation)
        else:
            outputs = model.predict(validation, steps=validation_steps, verbose=0)
        with whole_file(run.predictions) as temporary:
            np.savez(temporary, outputs=outputs, labels=job.examples.labels[split.validation], indices=split.validation)
    if why := stop():
        raise Interrupted(why)
    return Saved(scores, digest(model), epoch_of(experiment, others, len(rows)), kept_epoch(others))


def epoch_of(experiment: Experiment, callbacks: Sequence[keras.callbacks.Callback], last: int) -> int | None:
    """Return the epoch of the weights that a training ended with; `None` for averaged weights.

    Keras averages weights (`use_ema`) before early stopping restores the best ones, so that the restored ones stay.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.EarlyStopping) and callback.best_weights is not None:
            return int(callback.best_epoch) + 1
    return None if experiment.optimizer.use_ema else last


def kept_epoch(callbacks: Sequence[keras.callbacks.Callback]) -> int | None:
    """Return the epoch of the weights in `best.keras`, if it is known."""
    found = (callback.best_epoch for callback in callbacks if isinstance(callback, KeepBest))
    return next((epoch + 1 for epoch in found if epoch is not None), None)


def digest(model: keras.Model) -> str:
    """A digest that is equal only for equal weights."""
    found = hashlib.sha256()
    for weight in model.get_weights():
        found.update(repr((weight.shape, weight.dtype.str)).encode())
        found.update(np.ascontiguousarray(weight).data)
    return f"sha256:{found.hexdigest()}"


def changes_weights_at_the_end(experiment: Experiment) -> bool:
    """Whether the saved model has other weights than the last epoch was validated with."""
    stopping = experiment.early_stopping
    return experiment.optimizer.use_ema or (stopping is not None and stopping.restore_best_weights)
