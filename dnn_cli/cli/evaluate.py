"""`dnn evaluate`: how a trained network does on its test or validation set, as a whole and class by class."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, is_override
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.cli.trained_run import Best, find_model
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.runs.record import Evaluation
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.saved_models import SavedModel
    from dnn_cli.spec.experiment import Experiment
    from dnn_cli.training.evaluate import Evaluated


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
    best: Best = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Evaluate a trained network on its test set: scores, classes, confusions.

    Nothing else reads that set. The scores are then in dnn runs show RUN and dnn runs --columns test_accuracy.
    """
    from dnn_cli.cli.progress import open_screen
    from dnn_cli.report import evaluation as words
    from dnn_cli.report.runs import scores_text
    from dnn_cli.runs.record import Evaluation, utc_now
    from dnn_cli.spec.load import load

    runs = [word for word in arguments if not is_override(word)]
    if len(runs) != 1:
        raise UsageError("evaluate takes one run", "as in: dnn evaluate @1")
    found, record, model = find_model(runs[0], runs_dir, best=best)
    loaded = load(str(found.config), [word for word in arguments if is_override(word)], to_train=True)
    data = loaded.experiment.data
    if split is Part.test and not data.test_examples:
        raise UsageError(f"{data.title} has no test set", "train with data.test_size=0.2 to keep one apart")
    with open_screen() as screen:
        from dnn_cli.execute.prepare import preparing

        with preparing(loaded, screen, record.epochs) as (job, progress, *_):
            from dnn_cli.data.known import check_same_data, check_same_split
            from dnn_cli.training.evaluate import evaluate as work

            progress(f"evaluating on the {split.value} set")
            check_same_data(record, job.examples)
            check_same_split(record, job.split)
            made = work(job, model.path, split.value)
            looked = Evaluation(
                at=utc_now(), split=split.value, examples=len(made), scores=made.scores, model=model.file,
                epoch=model.epoch,
            )  # fmt: skip
            before = remember(found, looked, screen.say)
    if as_json:
        print_json({
            "id": record.id, "name": record.name, "model": model.document(), "split": split.value,
            "examples": len(made), "scores": made.scores,
            "looked_before": len(before), **details(loaded.experiment, made),
        })  # fmt: skip
        return
    whole = f"{record.name} {record.id} on {words.examples_text(len(made), split.value)}: {scores_text(made.scores)}"
    results().print(visible(whole))
    results().print(visible(f"weights: {model.file}, {model.text()}"))
    if (other := better_epoch(found, model)) is not None:
        notes().print(visible(f"{other.file} holds {other.text()}: --best evaluates it"))
    show_details(loaded.experiment, made)
    if split is Part.test:
        notes().print(visible(words.looks_text(before)))


def better_epoch(run: "Run", model: "SavedModel") -> "SavedModel | None":
    """Return the model of the best epoch, where the run has one of another epoch than the evaluated model."""
    from dnn_cli.runs.entry import read_entry
    from dnn_cli.runs.saved_models import best_model

    best = best_model(read_entry(run))
    return best if best is not None and model.holds != "best" and best.epoch != model.epoch else None


def details(experiment: "Experiment", made: "Evaluated") -> dict[str, Any]:
    """The report on classes, or the errors, for programs."""
    from dataclasses import asdict

    from dnn_cli.compare.classification import classify
    from dnn_cli.compare.regression import errors
    from dnn_cli.report.evaluation import report_document, target_names

    facts = experiment.data.facts
    if facts.is_classification:
        return {
            "report": report_document(classify(made.outputs, made.labels, facts.classes, logits=experiment.loss.logits))
        }
    names = target_names(facts.target, facts.targets)
    return {
        "errors": [
            {"name": name, **asdict(one)} for name, one in zip(names, errors(made.outputs, made.labels), strict=True)
        ]
    }


def show_details(experiment: "Experiment", made: "Evaluated") -> None:
    """The same as tables."""
    from dnn_cli.compare.classification import classify
    from dnn_cli.compare.regression import errors
    from dnn_cli.report import evaluation as words

    out, facts = results(), experiment.data.facts
    out.print()
    if not facts.is_classification:
        names = words.target_names(facts.target, facts.targets)
        found = errors(made.outputs, made.labels)
        show(out, words.error_table(found, names))
        for line in words.error_notes(found, names):
            out.print(visible(line))
        return
    report = classify(made.outputs, made.labels, facts.classes, logits=experiment.loss.logits)
    for shown, note in (words.class_table(report), words.confusion_table(report, out.width)):
        show(out, shown)
        out.print(visible(note))


def remember(run: "Run", looked: "Evaluation", say: "Callable[[str], None]") -> "tuple[Evaluation, ...]":
    """Write down what was looked at, and return what was looked at of this part before."""
    record = run.parse_record()
    try:
        with run.claimed():
            record = run.parse_record()
            run.write_record(record.model_copy(update={"evaluated": (*record.evaluated, looked)}))
    except RunError as error:
        say(f"not recorded: {error.message}")
    return tuple(one for one in record.evaluated if one.split == looked.split)
