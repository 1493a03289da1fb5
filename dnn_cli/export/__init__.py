"""Export of trained models to other formats."""
