"""Import of Keras models and programs as configs. No code of a file is run, and TensorFlow is not imported."""
