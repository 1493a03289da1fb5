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
    from dnn_cli.report.runs import last_and_best, scores_text
    from dnn_cli.report.words import count, duration

    lines = [f"{record.name} {record.status}: {count(record.epochs, 'epoch')} in {duration(record.seconds)}"]
    if record.reason:
        lines[0] += f"; {record.reason}"
    lines += last_and_best(record)
    last, model = record.results.last or {}, record.results.model or {}
    if any(last[name] != value for name, value in model.items()):
        which = "averaged weights" if loaded.experiment.optimizer.use_ema else "what early_stopping restored"
        lines.append(f"  model.keras holds {which}: {scores_text(model)}")
    lines.append(f"  run   {os.path.relpath(run.directory)}")
    first, *more = next_commands(run, record, loaded, store)
    lines += [f"  next  {first}", *(f"        {command}" for command in more)]
    for line in lines:
        results().print(visible(line))


def next_commands(run: "Run", record: "Record", loaded: "Loaded", store: "Store") -> list[str]:
    """Return what a user most likely wants after a run."""
    there = naming(store.root)
    again = ["dnn", "train", loaded.file, *loaded.overrides]
    compare = shlex.join(["dnn", "compare", *there])
    if record.status == "diverged":
        from dnn_cli.explain.remedies import gentler
        from dnn_cli.runs.input_size import far_input
        from dnn_cli.runs.inputs import read_inputs

        inputs = read_inputs(run)
        far = far_input(loaded.experiment, inputs) if inputs else None
        is_large = far is not None and far.size > 1 and not loaded.experiment.data.standardize
        change = "data.standardize=true" if is_large else gentler(loaded.experiment)
        kept = [word for word in again if not word.startswith(f"{change.partition('=')[0]}=")]
        return [shlex.join([*kept, change, *there])]
    if record.status == "interrupted":
        return [shlex.join(["dnn", "resume", os.path.relpath(run.directory)])]
    if record.status == "failed":
        return ["train.log in the run's directory has the details"]
    if sum(e.record is not None and e.record.status == "completed" for e in store.entries()) > 1:
        return [compare]
    other = "adam" if loaded.experiment.optimizer.type == "sgd" else "sgd"
    kept = [word for word in again if not word.startswith(("optimizer=", "optimizer."))]
    return [shlex.join([*kept, f"optimizer={other}", *there]), compare]
