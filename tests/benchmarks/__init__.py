"""Measurements of time and memory: `python -m tests.benchmarks` lists them."""
