"""Preparations of the fork server of `forked_cli`, which each command would otherwise repeat."""

import gc
import importlib

from dnn_cli.config.experiment import Experiment

for module in ("PIL.ImageFile", "altair", "lark", "scipy.io", "sklearn.datasets"):  # imported inside functions
    importlib.import_module(module)

Experiment.model_rebuild()  # builds the validator of configs

# Otherwise the garbage collector of each command walks all objects of TensorFlow, and copies their memory.
gc.collect()
gc.freeze()
gc.enable()
