"""Imported by the process from which workers are forked, so that TensorFlow is imported once for all of them."""

import gc

import dnn_cli.execute.worker
import dnn_cli.training.train

gc.freeze()
