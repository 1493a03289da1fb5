"""`fit`: build, train and save one network; all that needs TensorFlow."""

import numpy as np

from dnn_cli.data.pipeline import Pipeline, batches_of
from dnn_cli.runs.files import whole_file
from dnn_cli.runs.record import Scores
from dnn_cli.runs.run import Run
from dnn_cli.spec.experiment import Experiment
from dnn_cli.training.build import build_model
from dnn_cli.training.callbacks import StopWhenDiverged, WriteDown, watching
from dnn_cli.training.chunked import feed, predict_chunks, run_in_chunks
from dnn_cli.training.job import Job
from dnn_cli.training.listener import Listener


def fit(job: Job, run: Run, listener: Listener, rows: list[Scores]) -> Scores | None:
    """Train into a run directory, adding a row to `rows` for every epoch; the validation scores of the saved model.

    Raises:
        Diverged: the loss or a weight is no longer a finite number.
        OSError: the run directory cannot be written.
    """
    experiment, plan, split = job.experiment, job.plan, job.split
    model = build_model(experiment, jit=plan.jit, precision=plan.precision)
    pipeline = Pipeline(job.examples, experiment, job.measured)
    if plan.engine == "chunked":
        run_in_chunks(model, pipeline, plan)
    training = feed(pipeline, plan, pipeline.shuffled(split.train), range(experiment.epochs), weighted=True)
    validation = feed(pipeline, plan, pipeline.in_order(split.validation)) if len(split.validation) else None
    steps_per_epoch = batches_of(len(split.train), experiment.batch_size)
    validation_steps = batches_of(len(split.validation), experiment.batch_size) or None
    listener.on_begin(job.device.name, plan, steps_per_epoch)
    model.fit(
        training,
        steps_per_epoch=steps_per_epoch,
        epochs=experiment.epochs,
        validation_data=validation,
        validation_steps=validation_steps,
        callbacks=[
            StopWhenDiverged(experiment.batch_size),
            WriteDown(run, listener, rows, steps_per_epoch, experiment.scores),
            *watching(experiment, run),
        ],
        shuffle=False,  # the pipeline has the order of every epoch
        verbose=0,
    )
    with whole_file(run.model) as temporary:
        model.save(temporary)
    if validation is None:
        return None
    saved = {name: value for name, value in rows[-1].items() if name.startswith("val_")}
    if changes_weights_at_the_end(experiment):
        scores = model.evaluate(validation, steps=validation_steps, verbose=0, return_dict=True)
        saved = {f"val_{name}": float(value) for name, value in scores.items()}
    if plan.engine == "chunked":
        outputs = predict_chunks(model, pipeline, plan, validation)
    else:
        outputs = model.predict(validation, steps=validation_steps, verbose=0)
    with whole_file(run.predictions) as temporary:
        np.savez(temporary, outputs=outputs, labels=job.examples.labels[split.validation], indices=split.validation)
    return saved


def changes_weights_at_the_end(experiment: Experiment) -> bool:
    """Whether the saved model has other weights than the last epoch was validated with."""
    stopping = experiment.early_stopping
    return experiment.optimizer.use_ema or (stopping is not None and stopping.restore_best_weights)
