"""Training: the only place, `data.pipeline` aside, where TensorFlow is imported."""
