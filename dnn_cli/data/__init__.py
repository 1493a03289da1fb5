"""Examples: their sources, their splits, their statistics, and their batches for Keras."""
