"""The command line of `python -m tests.stress` and `python -m tests.benchmarks`: one module is one script.

The docstring of a module describes the script. `add_arguments` declares its options, and `run` returns the exit code.
"""

import argparse
import ast
import importlib
import os
from collections.abc import Sequence
from pathlib import Path


def read_docstrings(directory: Path) -> dict[str, str]:
    """Return the docstring of every script in a directory, by name, without importing the scripts."""
    paths = sorted(path for path in directory.glob("*.py") if not path.name.startswith("_"))
    return {path.stem: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in paths}


def run_script(package: str, directory: Path, words: Sequence[str]) -> int:
    """Run the script that the first word names, or list all scripts, and return the exit code."""
    docstrings = read_docstrings(directory)
    if not words or words[0] in ("-h", "--help"):
        print(f"usage: python -m {package} NAME [options]    (NAME --help lists the options)\n")
        for name, docstring in docstrings.items():
            print(f"  {name:20} {docstring.splitlines()[0]}")
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before a script imports TensorFlow
    name, *options = words
    if name not in docstrings:
        print(f"{package} has no {name}: {', '.join(docstrings)}")
        return 2
    parser = argparse.ArgumentParser(
        prog=f"python -m {package} {name}",
        description=docstrings[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module = importlib.import_module(f"{package}.{name}")
    module.add_arguments(parser)
    exit_code: int = module.run(parser.parse_args(options))
    return exit_code
