"""`dnn train`: train the experiments of configs, each into a run directory of its own."""

import os
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dnn_cli.cli.arguments import AsJson, Configs, RunsDir, divide, load_all
from dnn_cli.cli.console import print_json, results
from dnn_cli.errors import RunError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.spec.experiment import Experiment
    from dnn_cli.spec.load import Loaded


def train(
    arguments: Configs,
    engine: Annotated[
        str | None, typer.Option(help="chunked, or keras for plain fit; short for engine=….", metavar="ENGINE")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Train networks, each into a run directory of its own."""
    configs, overrides = divide(arguments)
    if engine is not None:
        overrides.append(f"engine={engine}")

    from dnn_cli.cli.progress import open_screen

    signal.signal(signal.SIGTERM, stop)
    finished: list[tuple[Run, Record]] = []
    try:
        with open_screen() as screen:
            with screen.waiting(f"reading {' '.join(configs)}"):
                loaded = load_all(configs, overrides, to_train=True)

                from dnn_cli.report.runs import run_document
                from dnn_cli.runs.store import Store

                store = Store(runs_dir)
            for one in loaded:
                screen.begin_run()
                finished.append(train_one(one, store, screen))
                if not as_json:
                    print_result(*finished[-1], one, store)
    finally:
        if as_json and finished:  # also where a later run could not even begin
            print_json({"runs": [run_document(run, record) for run, record in finished]})
    if any(record.status != "completed" for _, record in finished):
        raise typer.Exit(1)


def stop(*_: object) -> NoReturn:
    """End as a signal to terminate asks, with the run marked as interrupted on the way."""
    raise SystemExit(143)


def train_one(loaded: "Loaded", store: "Store", screen: "Screen") -> "tuple[Run, Record]":
    """Load the data, make the run directory, train.

    Raises:
        DataError: the data is not to be had; there is no run directory then.
        UsageError: the device is not there; neither.
        RunError: the run directory cannot be written.
    """
    from dnn_cli.cli.job import preparing
    from dnn_cli.spec.load import to_yaml

    experiment = loaded.experiment
    with preparing(loaded, screen, experiment.epochs) as (job, progress, divert_into):
        from dnn_cli.training.train import first_record
        from dnn_cli.training.train import train as work

        with store.new_run(experiment.name, to_yaml(experiment), first_record(job)) as run:
            screen.write_log(run.log)
            divert_into(run.log)
            try:
                record = work(job, run, progress)
            except OSError as error:
                reason = f"{run.directory} cannot be written: {error.strerror or error}"
                raise RunError(reason, "what was written before is whole") from None
            except (KeyboardInterrupt, SystemExit):
                screen.say(f"interrupted; what was trained so far is in {run.directory}")
                raise
    return run, record


def print_result(run: "Run", record: "Record", loaded: "Loaded", store: "Store") -> None:
    """The end of a run on standard output: its scores, its place, and what to do next."""
    from dnn_cli.report.runs import scores_text
    from dnn_cli.report.words import count, duration

    lines = [f"{record.name} {record.status}: {count(record.epochs, 'epoch')} in {duration(record.seconds)}"]
    if record.reason:
        lines[0] += f"; {record.reason}"
    prefix = "val_" if record.results.monitor.startswith("val_") else ""
    for label, scores in (("last", record.results.last), ("best", record.results.best)):
        if scores:
            lines.append(f"  {label}  epoch {scores['epoch']}  {scores_text(scores, prefix)}")
    last, model = record.results.last or {}, record.results.model or {}
    if any(last[name] != value for name, value in model.items()):
        which = "averaged weights" if loaded.experiment.optimizer.use_ema else "what early_stopping restored"
        lines.append(f"  model.keras holds {which}: {scores_text(model)}")
    lines.append(f"  run   {os.path.relpath(run.directory)}")
    first, *more = next_commands(record, loaded, store)
    lines += [f"  next  {first}", *(f"        {command}" for command in more)]
    for line in lines:
        results().print(visible(line))


def next_commands(record: "Record", loaded: "Loaded", store: "Store") -> list[str]:
    """What a user most likely wants after a run."""
    usual = Path(os.environ.get("DNN_RUNS_DIR") or "runs")
    there = [] if store.root == usual else ["--runs-dir", str(store.root)]
    again = ["dnn", "train", loaded.file, *loaded.overrides]
    compare = shlex.join(["dnn", "compare", *there])
    if record.status == "diverged":
        change = gentler(loaded.experiment)
        kept = [word for word in again if not word.startswith(f"{change.partition('=')[0]}=")]
        return [shlex.join([*kept, change, *there])]
    if record.status == "failed":
        return ["train.log in the run's directory has the details"]
    if sum(e.record is not None and e.record.status == "completed" for e in store.entries()) > 1:
        return [compare]
    other = "adam" if loaded.experiment.optimizer.type == "sgd" else "sgd"
    return [shlex.join([*again, f"optimizer={other}", *there]), compare]


def gentler(experiment: "Experiment") -> str:
    """An override that keeps an optimizer from leaving the numbers."""
    optimizer = experiment.optimizer
    if optimizer.type == "adafactor":
        return "optimizer.epsilon_1=1e-7"  # squares of small gradients and Keras's 1e-30 are 0 in float32
    if isinstance(optimizer.learning_rate, float):
        return f"optimizer.learning_rate={optimizer.learning_rate / 10:g}"
    return "optimizer.clipnorm=1"
