"""Examples: sources, splits, statistics, and batches for Keras."""
