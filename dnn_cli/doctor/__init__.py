"""What matters when something is off: the program, the machine, TensorFlow, data, runs and the terminal."""
