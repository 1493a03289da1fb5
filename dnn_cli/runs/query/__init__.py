"""Conditions on runs: `best.val_accuracy > 0.87 and optimizer = adam`."""
