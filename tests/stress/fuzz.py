"""Load random and mutated configs and overrides.

The loader must accept each input, or refuse it in printable lines, in 2 s and 500 MB. Every input has a
number, which alone determines the input. Two processes share the work. 100,000 inputs take about three minutes.
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.helpers.fuzz_inputs import CONFIG_DIRECTORY, generate_input, try_input

WORKERS, MAX_MEGABYTES = 2, 500


def run_worker(first: int, count: int, seconds: float) -> tuple[int, int, int, float, float]:
    """Try the inputs of one process; return inputs, valid, failures, slowest seconds and megabytes."""
    inputs = valid = failures = slowest = megabytes = 0
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(CONFIG_DIRECTORY, directory, dirs_exist_ok=True)
        for number in range(first, count, WORKERS):
            generated, start = generate_input(number), time.process_time()
            is_accepted, wrong = try_input(*generated, Path(directory))
            slowest = max(slowest, time.process_time() - start)
            megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            wrong = wrong or f"{megabytes:.0f} MB of memory" * (megabytes > MAX_MEGABYTES)
            inputs, valid, failures = inputs + 1, valid + is_accepted, failures + bool(wrong)
            if wrong:
                print(f"input {number}: {generated!s:.500}\n  {wrong:.500}", flush=True)
            if megabytes > MAX_MEGABYTES or time.monotonic() > deadline:
                break
    return inputs, valid, failures, slowest, megabytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("inputs", type=int, nargs="?", default=100_000, help="number of inputs (default: 100000)")
    parser.add_argument("--seconds", type=float, help="try inputs for this time instead of a number of inputs")


def run(options: argparse.Namespace) -> int:
    """Try the inputs, print a summary, and return 1 if any input failed."""
    start = time.monotonic()
    limits = (sys.maxsize, options.seconds) if options.seconds else (options.inputs, float("inf"))
    with ProcessPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(run_worker, first, *limits) for first in range(WORKERS)]
        inputs, valid, failures, slowest, megabytes = zip(*(job.result() for job in jobs), strict=True)
    print(
        f"{sum(inputs):,} inputs in {time.monotonic() - start:.0f} s: {sum(valid) / sum(inputs):.0%} valid, "
        f"{sum(failures)} failures, slowest {max(slowest):.2f} s, peak {max(megabytes):.0f} MB"
    )
    return int(any(failures))
