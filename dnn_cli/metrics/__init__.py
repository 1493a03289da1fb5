"""Scores computed from targets and outputs, and intervals of proportions."""
