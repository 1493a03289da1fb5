"""The end of a run on standard output: its scores, its place, and what to do next."""

import os
import shlex
from typing import TYPE_CHECKING

from dnn_cli.cli.arguments import naming
from dnn_cli.cli.console import results
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.spec.load import Loaded


def print_result(run: "Run", record: "Record", loaded: "Loaded", store: "Store") -> None:
    """The end of a run on standard output: its scores, its place, and what to do next."""
    from dnn_cli.report.runs import last_and_best
    from dnn_cli.report.words import count, duration

    lines = [f"{record.name} {record.status}: {count(record.epochs, 'epoch')} in {duration(record.seconds)}"]
    if record.reason:
        lines[0] += f"; {record.reason}"
    lines += last_and_best(record)
    lines += model_lines(run, record, store)
    lines.append(f"  run   {os.path.relpath(run.directory)}")
    first, *more = next_commands(run, record, loaded, store)
    lines += [f"  next  {first}", *(f"        {command}" for command in more)]
    for line in lines:
        results().print(visible(line))


def model_lines(run: "Run", record: "Record", store: "Store") -> list[str]:
    """Return the epochs in the model files, where a file holds another epoch than the last one."""
    from dnn_cli.report.runs import scores_text
    from dnn_cli.runs.entry import read_entry
    from dnn_cli.runs.saved_models import best_model, last_model

    lines, entry = [], read_entry(run)
    last, model = record.results.last or {}, record.results.model or {}
    if any(last[name] != value for name, value in model.items()):
        lines.append(f"  model.keras holds {last_model(entry).text()}: {scores_text(model)}")
    best = best_model(entry) if record.status == "completed" else None
    if best is not None:
        evaluate = ["dnn", "evaluate", record.id, "--best", *naming(store.root)]
        command = f"; {shlex.join(evaluate)} scores it on the test set" if record.data.get("test") else ""
        lines.append(f"  best.keras holds {best.text()}{command}")
    return lines


def next_commands(run: "Run", record: "Record", loaded: "Loaded", store: "Store") -> list[str]:
    """Return what a user most likely wants after a run."""
    there = naming(store.root)
    again = ["dnn", "train", loaded.file, *loaded.overrides]
    compare = shlex.join(["dnn", "compare", *there])
    if record.status == "diverged":
        from dnn_cli.explain.remedies import gentler
        from dnn_cli.runs.input_size import far_input
        from dnn_cli.runs.inputs import read_inputs
        from dnn_cli.runs.target_size import far_targets

        inputs = read_inputs(run)
        far = far_input(loaded.experiment, inputs) if inputs else None
        is_large = far is not None and far.size > 1 and not loaded.experiment.data.standardize
        change = "data.standardize=true" if is_large else gentler(loaded.experiment)
        kept = [word for word in again if not word.startswith(f"{change.partition('=')[0]}=")]
        command = shlex.join([*kept, change, *there])
        # A layer at the end of the stack is the remedy, for which there is no short command: explain writes it out.
        targets = far_targets(loaded.experiment, inputs.labels if inputs else None)
        return [shlex.join(["dnn", "explain", record.id, *there])] if targets else [command]
    if record.status == "interrupted":
        return [shlex.join(["dnn", "resume", os.path.relpath(run.directory)])]
    if record.status == "failed":
        return ["train.log in the run's directory has the details"]
    if sum(e.record is not None and e.record.status == "completed" for e in store.entries()) > 1:
        return [compare]
    other = "adam" if loaded.experiment.optimizer.type == "sgd" else "sgd"
    kept = [word for word in again if not word.startswith(("optimizer=", "optimizer."))]
    return [shlex.join([*kept, f"optimizer={other}", *there]), compare]
