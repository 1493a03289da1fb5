"""Execution of experiments: a single run in this process, or many runs in workers on this machine or a Ray cluster."""
