"""`dnn doctor`: what matters when something is off."""

from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.report.words import visible


def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Do not start TensorFlow, which takes seconds.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Say what matters when something is off: versions, processors, data, caches, disk; exit 1 if nothing can train."""
    from concurrent.futures import ThreadPoolExecutor

    from dnn_cli.doctor.machine import look_at_machine
    from dnn_cli.doctor.places import look_at_caches, look_at_data, look_at_runs, look_at_schema
    from dnn_cli.doctor.program import look_at_environment, look_at_program
    from dnn_cli.doctor.tensorflow import look_at_tensorflow
    from dnn_cli.doctor.terminal import look_at_terminal
    from dnn_cli.doctor.words import doctor_document, problem_lines, problems, sections_table

    out, console = results(), notes()
    with ThreadPoolExecutor(1) as executor:
        asked = None if quick else executor.submit(look_at_tensorflow)  # in a process of its own, so beside the others
        sections = [look_at_program(), look_at_machine(), look_at_environment(), look_at_data(), look_at_caches(),
                    look_at_runs(runs_dir), look_at_schema(), look_at_terminal(out)]  # fmt: skip
        if asked is not None:
            if console.is_terminal and not asked.done():
                with console.status("starting TensorFlow"):
                    asked.result()
            sections[2:2] = asked.result()
    sections = [section for section in sections if section.facts or section.problems]
    if as_json:
        print_json(doctor_document(sections))
    else:
        show(out, sections_table(sections))
        out.print()
        for line in problem_lines(sections):
            out.print(visible(line))
    if any(problem.stops for problem in problems(sections)):
        raise typer.Exit(1)
