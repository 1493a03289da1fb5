"""`fit`: build, train and save one network; all that needs TensorFlow."""

import numpy as np

from dnn_cli.data.pipeline import Pipeline, batches_of
from dnn_cli.runs.files import whole_file
from dnn_cli.runs.record import Scores
from dnn_cli.runs.run import Run
from dnn_cli.training.build import build_model
from dnn_cli.training.callbacks import StopWhenDiverged, WriteDown
from dnn_cli.training.chunked import predict_chunks, run_in_chunks
from dnn_cli.training.job import Job
from dnn_cli.training.listener import Listener


def fit(job: Job, run: Run, listener: Listener, rows: list[Scores]) -> Scores:
    """Train into a run directory, adding a row to `rows` for every epoch; the scores of the saved model.

    Raises:
        Diverged: the loss or a weight is no longer a finite number.
        OSError: the run directory cannot be written.
    """
    experiment, plan, split = job.experiment, job.plan, job.split
    model = build_model(experiment, jit=plan.jit, precision=plan.precision)
    pipeline = Pipeline(job.examples, experiment)
    shuffled, in_order = pipeline.shuffled(split.train), pipeline.in_order(split.validation)
    epochs = range(experiment.epochs)
    if plan.engine == "chunked":
        run_in_chunks(model, pipeline, plan)
        training = pipeline.chunks(shuffled, plan.steps, epochs)
        validation = pipeline.chunks(in_order, plan.steps)
    else:
        training, validation = pipeline.batches(shuffled, epochs), pipeline.batches(in_order)
    steps_per_epoch = batches_of(len(split.train), experiment.batch_size)
    validation_steps = batches_of(len(split.validation), experiment.batch_size)
    listener.on_begin(job.device.name, plan, steps_per_epoch)
    model.fit(
        training,
        steps_per_epoch=steps_per_epoch,
        epochs=experiment.epochs,
        validation_data=validation,
        validation_steps=validation_steps,
        callbacks=[StopWhenDiverged(experiment.batch_size), WriteDown(run, listener, rows, steps_per_epoch)],
        shuffle=False,  # the pipeline has the order of every epoch
        verbose=0,
    )
    with whole_file(run.model) as temporary:
        model.save(temporary)
    saved = {name: value for name, value in rows[-1].items() if name.startswith("val_")}
    if experiment.optimizer.use_ema:  # the end of training replaced the weights that the last epoch was validated with
        scores = model.evaluate(validation, steps=validation_steps, verbose=0, return_dict=True)
        saved = {f"val_{name}": float(value) for name, value in scores.items()}
    if plan.engine == "chunked":
        outputs = predict_chunks(model, pipeline, plan, validation)
    else:
        outputs = model.predict(validation, steps=validation_steps, verbose=0)
    with whole_file(run.predictions) as temporary:
        np.savez(temporary, outputs=outputs, labels=job.examples.labels[split.validation], indices=split.validation)
    return saved
