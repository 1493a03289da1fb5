"""`fit`: build, train and save one network; all that needs TensorFlow."""

import math

import numpy as np

from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.runs.files import whole_file
from dnn_cli.runs.record import Scores
from dnn_cli.runs.run import Run
from dnn_cli.spec.experiment import Experiment
from dnn_cli.training.build import build_model
from dnn_cli.training.callbacks import StopWhenDiverged, WriteDown
from dnn_cli.training.listener import Listener


def fit(
    experiment: Experiment, examples: Examples, split: Split, run: Run, listener: Listener, rows: list[Scores]
) -> Scores:
    """Train into a run directory, adding a row to `rows` for every epoch; the scores of the saved model.

    Raises:
        Diverged: the loss or a weight is no longer a finite number.
        OSError: the run directory cannot be written.
    """
    model = build_model(experiment)
    pipeline = Pipeline(examples, experiment)
    validation = pipeline.in_order(split.validation)
    steps = math.ceil(len(split.train) / experiment.batch_size)
    listener.on_begin(steps)
    model.fit(
        pipeline.epochs(split.train),
        steps_per_epoch=steps,
        epochs=experiment.epochs,
        validation_data=validation,
        callbacks=[StopWhenDiverged(), WriteDown(run, listener, rows)],
        shuffle=False,  # the pipeline has the order of every epoch
        verbose=0,
    )
    with whole_file(run.model) as temporary:
        model.save(temporary)
    with whole_file(run.predictions) as temporary:
        outputs = model.predict(validation, verbose=0)
        np.savez(temporary, outputs=outputs, labels=examples.labels[split.validation], indices=split.validation)
    if experiment.optimizer.use_ema:  # the end of training replaced the weights that the last epoch was validated with
        scores = model.evaluate(validation, verbose=0, return_dict=True)
        return {f"val_{name}": float(value) for name, value in scores.items()}
    return {name: value for name, value in rows[-1].items() if name.startswith("val_")}
