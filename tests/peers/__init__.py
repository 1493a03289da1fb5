"""The same network trained by other means, each a program of its own: see `tests/benchmark_peers.py`.

Every one prints a JSON list: the seconds of each of its epochs, the first included, without validation.
"""
