"""Command `dnn doctor`: checks of the installation."""

from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.report.text import replace_control_chars


def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Skip the checks of TensorFlow and GPUs, which need several seconds.")
    ] = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Check whether this computer can train; exit with 1 if not.

    The command checks versions, processors, data, caches and disk space.
    """
    from concurrent.futures import ThreadPoolExecutor

    from dnn_cli.doctor.machine import inspect_machine
    from dnn_cli.doctor.program import inspect_environment, inspect_program, inspect_terminal
    from dnn_cli.doctor.sections import build_doctor_document, build_sections_table, format_problems, list_problems
    from dnn_cli.doctor.storage import inspect_caches, inspect_data, inspect_runs, inspect_schema
    from dnn_cli.doctor.tensorflow_check import inspect_tensorflow_and_gpus
    from dnn_cli.doctor.warm_server import inspect_warm_server

    out, console = get_output_console(), get_notes_console()
    with ThreadPoolExecutor(1) as executor:
        # TensorFlow starts in a process of its own, so this check runs in parallel with the others.
        tensorflow_check = None if quick else executor.submit(inspect_tensorflow_and_gpus)
        sections = [inspect_program(), inspect_machine(), inspect_environment(), inspect_data(), inspect_caches(),
                    inspect_runs(runs_dir), inspect_schema(), inspect_warm_server(), inspect_terminal(out)]  # fmt: skip
        if tensorflow_check is not None:
            if console.is_terminal and not tensorflow_check.done():
                with console.status("starting TensorFlow"):
                    tensorflow_check.result()
            sections[2:2] = tensorflow_check.result()
    sections = [section for section in sections if section.values or section.problems]
    if as_json:
        print_json(build_doctor_document(sections))
    else:
        print_rich_table(out, build_sections_table(sections))
        out.print()
        for line in format_problems(sections):
            out.print(replace_control_chars(line))
    if any(problem.stops_training for problem in list_problems(sections)):
        raise typer.Exit(1)
