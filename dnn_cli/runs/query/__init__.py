"""Queries: conditions on runs such as `best.val_accuracy > 0.87 and optimizer = adam`, fields, and selections."""
