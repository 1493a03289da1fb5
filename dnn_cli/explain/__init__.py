"""Explanations of runs: findings from curves, layers, predictions and data, with suggestions."""
