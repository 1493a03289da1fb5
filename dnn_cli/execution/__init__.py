"""Execution of experiments as runs: one in this process, or many in workers on this machine or on a Ray cluster."""
