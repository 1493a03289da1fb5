"""Scores computed from labels and outputs."""
