"""Import random and damaged saved models, scripts and notebooks.

The import must accept each file, or refuse it with an error of exit code 2, in 5 s and 500 MB. Every file has a number,
which alone determines the file. Two processes share the work.
"""

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.helpers.fuzz_programs import generate_program, try_program

WORKERS, MAX_MEGABYTES = 2, 500


def run_worker(first: int, end: int) -> tuple[int, int, float, float]:
    """Try the files of one process; return accepted files, failures, slowest seconds and megabytes."""
    accepted = failures = slowest = megabytes = 0
    with tempfile.TemporaryDirectory() as directory:
        for number in range(first, end, WORKERS):
            (name, content), start = generate_program(number), time.process_time()
            is_accepted, wrong = try_program(name, content, Path(directory))
            slowest = max(slowest, time.process_time() - start)
            megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            wrong = wrong or f"{megabytes:.0f} MB of memory" * (megabytes > MAX_MEGABYTES)
            accepted, failures = accepted + is_accepted, failures + bool(wrong)
            if wrong:
                print(f"file {number}, {name}: {wrong:.500}", flush=True)
            if megabytes > MAX_MEGABYTES:
                break
    return accepted, failures, slowest, megabytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", type=int, nargs="?", default=20_000, help="number of files (default: 20000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first file (default: 0)")


def run(options: argparse.Namespace) -> int:
    """Try the files, print a summary, and return 1 if any file failed."""
    start, end = time.monotonic(), options.first + options.files
    with ProcessPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(run_worker, options.first + worker, end) for worker in range(WORKERS)]
        accepted, failures, slowest, megabytes = zip(*(job.result() for job in jobs), strict=True)
    print(
        f"{options.files:,} files in {time.monotonic() - start:.0f} s: {sum(accepted) / options.files:.0%} accepted, "
        f"{sum(failures)} failures, slowest {max(slowest):.2f} s, peak {max(megabytes):.0f} MB"
    )
    return int(any(failures))
