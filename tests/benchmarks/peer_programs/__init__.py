"""Programs that train the network of relu_adam with other libraries, for `python -m tests.benchmarks peers`.

Every program prints a JSON list: the seconds of each epoch, including the first, without validation.
"""
