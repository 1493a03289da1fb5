"""`dnn evaluate`: the scores of a trained network on its test or validation set."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, is_override
from dnn_cli.cli.console import print_json, results
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.runs.record import Evaluation
    from dnn_cli.runs.run import Run


class Part(str, Enum):
    """What can be evaluated on."""

    test = "test"
    validation = "validation"


def evaluate(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="RUN [KEY=VALUE]", help="A run, then changes, as data.path=… if its data has moved."),
    ],
    split: Annotated[Part, typer.Option(help="The examples to evaluate on.")] = Part.test,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Evaluate a trained network on its test set.

    Nothing else reads that set.
    """
    from dnn_cli.cli.progress import open_screen
    from dnn_cli.report.runs import scores_text
    from dnn_cli.runs.record import Evaluation, utc_now
    from dnn_cli.runs.store import Store
    from dnn_cli.spec.load import load

    runs = [word for word in arguments if not is_override(word)]
    if len(runs) != 1:
        raise UsageError("evaluate takes one run", "as in: dnn evaluate @1")
    found = Store(runs_dir).find(runs[0])
    record = found.read_record()
    loaded = load(str(found.config), [word for word in arguments if is_override(word)], to_train=True)
    if record.status != "completed" or not found.model.is_file():
        how = f"dnn resume {record.id} goes on" if record.status != "completed" else "train it to its end first"
        raise UsageError(f"{found.directory} holds no model of its end: the run is {record.status}", how)
    data = loaded.experiment.data
    if split is Part.test and not data.test_examples:
        raise UsageError(f"{data.title} has no test set", "train with data.test_size=0.2 to keep one apart")
    with open_screen() as screen:
        from dnn_cli.execute.prepare import preparing

        with preparing(loaded, screen, record.epochs) as (job, progress, *_):
            from dnn_cli.training.evaluate import check_same_data
            from dnn_cli.training.evaluate import evaluate as work

            progress(f"evaluating on the {split.value} set")
            check_same_data(record, job.examples)
            examples, scores = work(job, found, split.value)
            looked = Evaluation(at=utc_now(), split=split.value, examples=examples, scores=scores)
            remember(found, looked, progress)
    if as_json:
        print_json({"id": record.id, "name": record.name, "split": split.value, "examples": examples, "scores": scores})
    else:
        results().print(visible(f"{record.name} on {examples:,} {split.value} examples: {scores_text(scores)}"))


def remember(run: "Run", looked: "Evaluation", say: "Callable[[str], None]") -> None:
    """Write down what was looked at: who chooses between runs by their test scores has no test set left."""
    try:
        with run.claimed():
            record = run.parse_record()
            run.write_record(record.model_copy(update={"evaluated": (*record.evaluated, looked)}))
    except RunError as error:
        say(f"not recorded: {error.message}")
