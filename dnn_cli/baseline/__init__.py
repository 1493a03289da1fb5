"""Baselines: models of scikit-learn that are trained on the data of an experiment, without TensorFlow."""
