"""Summary of a finished run on standard output: scores, directory and next commands."""

import os
import shlex
from typing import TYPE_CHECKING

from dnn_cli.cli.console import get_output_console
from dnn_cli.config.cross_validation import format_fold
from dnn_cli.runs.runs_directory import build_runs_dir_option
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.config.loading import LoadedExperiment
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store


def print_run_summary(run: "Run", record: "Record", loaded: "LoadedExperiment", store: "Store") -> None:
    """Print the scores and the directory of a run, and the commands to try next."""
    from dnn_cli.report.runs_table import format_last_and_best
    from dnn_cli.report.text import format_count, format_duration

    name = f"{record.name} {format_fold(loaded.experiment.data.model_dump())}".rstrip()
    lines = [f"{name} {record.status}: {format_count(record.epochs, 'epoch')} in {format_duration(record.seconds)}"]
    if record.reason:
        lines[0] += f"; {record.reason}"
    lines += format_last_and_best(record)
    lines += _format_model_lines(run, record, store)
    lines.append(f"  path  {os.path.relpath(run.directory)}")
    commands = _suggest_next_commands(run, record, loaded, store)
    lines += [f"{'        ' if number else '  next  '}{command}" for number, command in enumerate(commands)]
    for line in lines:
        print_line(get_output_console(), line)


def _format_model_lines(run: "Run", record: "Record", store: "Store") -> list[str]:
    """Return the lines of the summary about the saved models of a run.

    `model.keras` has a line if its weights are not those of the last epoch. `best.keras` has a line if the file exists
    and the run is completed.
    """
    from dnn_cli.report.runs_table import format_scores
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.saved_models import find_best_model, get_last_model

    lines, run_info = [], read_run_info(run)
    last, model = record.results.last or {}, record.results.model or {}
    if any(last[name] != value for name, value in model.items()):
        lines.append(f"  model.keras contains {get_last_model(run_info).format_epoch()}: {format_scores(model)}")
    best = find_best_model(run_info) if record.status == "completed" else None
    if best is not None:
        evaluate_command = ["dnn", "evaluate", record.id, "--best", *build_runs_dir_option(store.root)]
        command = f"; {shlex.join(evaluate_command)} evaluates it on the test set" if record.data.get("test") else ""
        lines.append(f"  best.keras contains {best.format_epoch()}{command}")
    return lines


def _suggest_next_commands(run: "Run", record: "Record", loaded: "LoadedExperiment", store: "Store") -> list[str]:
    """Return the commands that a user most likely needs after a run, the most useful first.

    A fold of a cross-validation has none, because the commands follow after the last fold.
    """
    runs_dir_option = build_runs_dir_option(store.root)
    train_command = ["dnn", "train", loaded.file, *loaded.overrides, *record.code_options]
    compare_command = shlex.join(["dnn", "compare", *runs_dir_option])
    if record.status == "diverged":
        from dnn_cli.explain.suggestions import build_lower_rate_override
        from dnn_cli.runs.data_scale import find_unscaled_input, find_unscaled_targets
        from dnn_cli.runs.input_profile import read_input_profile

        inputs = read_input_profile(run)
        unscaled_input = find_unscaled_input(loaded.experiment, inputs) if inputs else None
        is_large = (
            unscaled_input is not None
            and unscaled_input.root_mean_square > 1
            and not loaded.experiment.data.standardize
        )
        targets = find_unscaled_targets(loaded.experiment, inputs.labels if inputs else None)
        if targets and not targets.override:
            # The remedy is a layer at the end of the stack. It has no short command, so `dnn explain` shows it.
            return [shlex.join(["dnn", "explain", record.id, *runs_dir_option])]
        overrides = [*(["data.standardize=true"] if is_large else []), *([targets.override] if targets else [])]
        overrides = overrides or [build_lower_rate_override(loaded.experiment)]
        replaced = tuple(f"{override.partition('=')[0]}=" for override in overrides)
        other_words = [word for word in train_command if not word.startswith(replaced)]
        return [shlex.join([*other_words, *overrides, *runs_dir_option])]
    if record.status == "interrupted":
        return [shlex.join(["dnn", "resume", os.path.relpath(run.directory), *record.code_options])]
    if record.status == "failed":
        return ["read train.log in the run directory"]
    if record.sweeps and loaded.experiment.data.fold is not None:
        return []
    if sum(run_info.record is not None and run_info.record.status == "completed" for run_info in store.list_runs()) > 1:
        return [compare_command]
    other_optimizer = "adam" if loaded.experiment.optimizer.type == "sgd" else "sgd"
    other_words = [word for word in train_command if not word.startswith(("optimizer=", "optimizer."))]
    # Without the averages, the callback that swaps weights with them would be refused.
    averaging = ["optimizer.use_ema=true"] if loaded.experiment.optimizer.use_ema else []
    train_words = [*other_words, f"optimizer={other_optimizer}", *averaging, *runs_dir_option]
    return [shlex.join(train_words), compare_command]
