"""The engine of `dnn`, without the program around it."""

import time

import keras

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.pipeline import Pipeline, batches_of
from dnn_cli.spec.load import load
from dnn_cli.training.build import build_model
from dnn_cli.training.chunked import run_in_chunks
from dnn_cli.training.plan import choose_plan
from tests.peers.common import EPOCHS, report


class Clock(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


experiment = load("configs/relu_adam.yaml").experiment
examples = load_examples(experiment.data)
train = split_examples(experiment.data, len(examples)).train
plan = choose_plan(experiment, len(train), gpu=False)
pipeline = Pipeline(examples, experiment)
model = build_model(experiment, jit=plan.jit)
run_in_chunks(model, pipeline, plan)
clock = Clock()
chunks = pipeline.chunks(pipeline.shuffled(train), plan.steps, range(EPOCHS))
steps = batches_of(len(train), experiment.batch_size)
model.fit(chunks, steps_per_epoch=steps, epochs=EPOCHS, verbose=0, callbacks=[clock])
report(clock.seconds)
