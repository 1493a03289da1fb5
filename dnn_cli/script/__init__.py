"""Programs of plain Keras that do what a config describes."""
