"""Train planted faults and sound runs, and count how often `dnn explain` is right.

The campaign trains every case of `tests/explain_cases` in one process, without XLA: compiling takes longer than these
trainings. The exit code is 1 when less than 90% of the faults are the first or second finding, or when a sound run
gets a false finding. All cases take about five minutes.
"""

import argparse
import importlib
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.explain_cases import Case

AUTHORS = {"planted": "FAULTS", "sound": "SOUND", "independent": "FAULTS SOUND"}
"""Modules of cases and their lists. The author of `independent` has not seen the rules."""

MIN_SHARE = 0.9
TRUE_ADVICE = ("under_training",)
"""Advice that is right for any run whose loss still falls at the end."""


def iter_cases(names: Sequence[str]) -> Iterator[tuple[Case, bool]]:
    """Yield the cases with these names, or all, and whether their author is independent."""
    for module, lists in AUTHORS.items():
        if importlib.util.find_spec(f"tests.explain_cases.{module}") is None:
            continue
        imported_module = importlib.import_module(f"tests.explain_cases.{module}")
        for name in lists.split():
            for case in getattr(imported_module, name):
                if not names or case.name in names:
                    yield case, module == "independent"


def explain_case(case: Case, directory: Path) -> list[tuple[str, str, str]]:
    """Train a case and return the kind, severity and observation of each finding."""
    from dnn_cli.api import load_config
    from dnn_cli.explain.explanation import explain_run
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.run_info import read_run_info

    directory.mkdir()
    if case.write_data is not None:
        case.write_data(directory)
    (directory / "config.yaml").write_text(case.config, encoding="utf-8")
    previous_directory = os.getcwd()
    os.chdir(directory)
    try:
        trained = load_config("config.yaml", ["jit=false"]).train("runs")
        explanation = explain_run(read_run_info(Run(directory / trained.directory)))
    finally:
        os.chdir(previous_directory)
    return [(finding.kind, finding.severity, finding.observation) for finding in explanation.findings]


def is_right(case: Case, findings: list[tuple[str, str, str]]) -> bool:
    """Return whether the first or second finding names the fault, or a sound run gets no false finding."""
    if case.fault:
        return any(kind in case.kinds for kind, *_ in findings[:2])
    return all(severity == "good" or kind in TRUE_ADVICE for kind, severity, _ in findings)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases to train, with all findings (default: all)")


def run(options: argparse.Namespace) -> int:
    """Train the cases, print a table and the shares, and return the exit code."""
    names: list[str] = options.names
    counts: dict[tuple[bool, bool], list[bool]] = {}
    started = time.monotonic()
    print(f"{'case':26}{'author':13}{'planted fault':48}{'right':7}first and second finding")
    with tempfile.TemporaryDirectory() as temporary:
        for number, (case, independent) in enumerate(iter_cases(names)):
            try:
                explained = explain_case(case, Path(temporary) / f"{number}-{case.name}")
            except Exception as error:  # one broken case must not hide the others
                explained = [("error", "trouble", f"{type(error).__name__}: {error}")]
            right = is_right(case, explained)
            counts.setdefault((bool(case.fault), independent), []).append(right)
            author = "independent" if independent else "of the rules"
            first_findings = ", ".join(
                kind if severity != "good" else f"({kind})" for kind, severity, _ in explained[:2]
            )
            fault, answer = case.fault[:46] or "(sound)", "yes" if right else "NO"
            print(f"{case.name:26}{author:13}{fault:48}{answer:7}{first_findings}", flush=True)
            if not right or names:
                print(*(f"      {severity}  {kind}: {text}" for kind, severity, text in explained), sep="\n")
    for (faulty, independent), results in sorted(counts.items()):
        title = "planted faults named first or second" if faulty else "sound runs with 0 false findings"
        author = "by an independent author" if independent else "by the author of the rules"
        print(f"{title}, {author}: {sum(results)} of {len(results)} ({sum(results) / len(results):.0%})")
    named = [right for (faulty, _), results in counts.items() if faulty for right in results]
    sound = [right for (faulty, _), results in counts.items() if not faulty for right in results]
    totals = {"faults": [sum(named), len(named)], "sound": [sum(sound), len(sound)]}
    print(json.dumps(totals), f"in {time.monotonic() - started:.0f} s")
    return 0 if (not named or sum(named) >= MIN_SHARE * len(named)) and all(sound) else 1
