"""Training of models with TensorFlow and Keras."""
