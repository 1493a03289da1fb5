"""Read random tables, arrays and images, and compare the examples with what was written.

Every file has a number, which alone determines the file. A reader must return each value that was written, name the
rest in a remark, or refuse the file. Tables with typed columns are also encoded, predicted and given a config, as in
`tests/helpers/typed_table_checks.py`. Two processes share the work.
"""

import argparse
import shutil
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.helpers.random_data_files import try_data_file

WORKERS = 2


def run_worker(first: int, count: int) -> tuple[Counter[tuple[str, str]], int]:
    """Read the files of one process; return the numbers of files by kind and result, and the number of failures."""
    results: Counter[tuple[str, str]] = Counter()
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        for number in range(first, count, WORKERS):
            directory = Path(name, "file")
            directory.mkdir()
            kind, result, wrong = try_data_file(number, directory)
            shutil.rmtree(directory)
            results[kind, result] += 1
            if wrong:
                failures += 1
                print(f"file {number} ({kind}, {result}): {wrong:.300}", flush=True)
    return results, failures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", type=int, nargs="?", default=100_000, help="number of files (default: 100000)")


def run(options: argparse.Namespace) -> int:
    """Read the files, print a summary, and return 1 if any file failed."""
    start = time.monotonic()
    with ProcessPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(run_worker, first, options.files) for first in range(WORKERS)]
        results, failures = zip(*(job.result() for job in jobs), strict=True)
    for (kind, result), count in sorted(sum(results, Counter()).items()):
        print(f"{kind:<8}{result:<9}{count:>8,}")
    print(f"{options.files:,} files in {time.monotonic() - start:.0f} s, {sum(failures)} failures")
    return int(any(failures))
