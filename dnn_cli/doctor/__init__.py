"""Checks of an installation: the program, the machine, TensorFlow, data, caches, runs and the terminal."""
