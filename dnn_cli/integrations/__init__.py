"""Export of runs to other programs: MLflow and TensorBoard."""
