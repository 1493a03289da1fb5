"""`dnn`: describe Keras experiments in YAML, train them, and compare what came out."""

__version__ = "0.2.0"
