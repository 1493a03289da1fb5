"""Imported by the process from which workers are forked, so that TensorFlow is imported once for all of them."""

import gc

gc.freeze()
