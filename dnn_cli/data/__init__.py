"""Data of an experiment: dataset sources, splits, statistics of inputs, and batches for Keras."""
