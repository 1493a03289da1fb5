"""`dnn evaluate`: scores of a trained network on its test or validation set or a file, overall and class by class."""

import os
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.chosen_run import divide_words
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.cli.trained_run import Best, find_model
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen
    from dnn_cli.runs.record import Evaluation, FileEvaluation, Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.saved_models import SavedModel
    from dnn_cli.spec.data import Data
    from dnn_cli.spec.experiment import Experiment
    from dnn_cli.training.evaluate import Evaluated


class Part(str, Enum):
    """What can be evaluated on."""

    test = "test"
    validation = "validation"


def evaluate(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN [FILE]",
            help="A run; then a .csv, .npz or image folder with labels, or data.path=… if the data has moved.",
        ),
    ],
    split: Annotated[
        Optional[Part],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Option(help="Part of the data. By default test."),
    ] = None,
    best: Best = False,
    resize: Annotated[bool, typer.Option("--resize", help="Stretch images to the training size.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Evaluate a trained network on its test set or a FILE: scores, classes, confusions.

    Nothing else reads the test set. The scores are then in dnn runs show RUN. Those on the test set are also in
    dnn runs --columns test_accuracy, and those of --best in dnn runs --columns best.test_accuracy.
    """
    from dnn_cli.cli.progress import open_screen
    from dnn_cli.report import evaluation as words
    from dnn_cli.report.runs import scores_text

    (address, *files), overrides = divide_words(arguments)
    if len(files) > 1:
        raise UsageError("evaluate takes one run, and one file at most", "as in: dnn evaluate @1 new.csv")
    file = files[0] if files else None
    part: Literal["test", "validation"] | None = None if files else (split or Part.test).value
    if files and (overrides or split):
        other = overrides[0] if overrides else "--split"
        raise UsageError(
            f"{other} has no meaning with a file, which is prepared as the training data was", "leave it out"
        )
    if resize and not files:
        raise UsageError("--resize is for the images of a FILE", "leave it out")
    found, record, model = find_model(address, runs_dir, best=best)
    with open_screen() as screen:
        if part is None:
            done = on_file(found, record, model, files[0], screen, resize=resize)
        else:
            done = on_split(found, record, model, part, overrides, screen)
        before = remember(found, done.looked, screen.say)
    looked, made = done.looked, done.made
    if as_json:
        print_json({
            "id": record.id, "name": record.name, "model": model.document(), "split": part or "file", "file": file,
            "digest": looked.examples_id if file else None, "examples": len(made), "scores": made.scores,
            "looked_before": len(before), **details(done.experiment, made),
        })  # fmt: skip
        return
    whole = f"{record.name} {record.id} on {words.examples_text(looked)}: {scores_text(made.scores)}"
    results().print(visible(whole))
    results().print(visible(f"weights: {model.file}, {model.text()}"))
    if (better := better_epoch(found, model)) is not None:
        notes().print(visible(f"{better.file} holds {better.text()}: --best evaluates it"))
    for line in done.warnings:
        notes().print(visible(f"warning: {line}"))
    show_details(done.experiment, made)
    if part != "validation" and (said := words.looks_text(before, file)):
        notes().print(visible(said))


class Done(NamedTuple):
    """A finished evaluation."""

    experiment: "Experiment"
    made: "Evaluated"
    looked: "Evaluation | FileEvaluation"
    """The entry for the record of the run."""

    warnings: Sequence[str] = ()


def on_split(
    run: "Run", record: "Record", model: "SavedModel", part: Literal["test", "validation"], overrides: list[str],
    screen: "Screen",
) -> Done:  # fmt: skip
    """Return the evaluation on a part of the run's data."""
    from dnn_cli.execute.prepare import preparing
    from dnn_cli.runs.record import Evaluation, utc_now
    from dnn_cli.spec.load import load

    loaded = load(str(run.config), overrides, to_train=True)
    data = loaded.experiment.data
    if part == "test" and not data.test_examples:
        raise UsageError(
            f"{data.title} has no test set",
            "dnn evaluate RUN FILE takes labelled examples; data.test_size=0.2 keeps some apart in a training",
        )
    with preparing(loaded, screen, record.epochs) as (job, progress, *_):
        from dnn_cli.data.known import check_same_data, check_same_split
        from dnn_cli.training.evaluate import evaluate as work

        progress(f"evaluating on the {part} set")
        check_same_data(record, job.examples)
        check_same_split(record, job.split)
        made = work(job, model.path, part)
    looked = Evaluation(
        at=utc_now(), split=part, examples=len(made), scores=made.scores, model=model.file, epoch=model.epoch
    )
    return Done(loaded.experiment, made, looked)


def on_file(run: "Run", record: "Record", model: "SavedModel", file: str, screen: "Screen", *, resize: bool) -> Done:
    """Return the evaluation on the labelled examples in a file or folder."""
    from dnn_cli.data.examples import Examples
    from dnn_cli.data.known import known_of
    from dnn_cli.data.statistics import remarks, white_of
    from dnn_cli.formats.given import Wanted
    from dnn_cli.formats.labelled import Target, read_labelled
    from dnn_cli.report.evaluation import unlike_text
    from dnn_cli.runs.record import FileEvaluation, utc_now
    from dnn_cli.training.noise import divert_output
    from dnn_cli.training.start import starting_tensorflow

    with screen.waiting(f"reading {file}"):
        known = known_of(run, record)
        facts, data = known.inputs.facts, known.experiment.data
        resize = resize or (data.dataset == "image_folder" and data.image_size is not None)
        wanted = Wanted(facts.input_shape, facts.features, white_of(known.inputs), resize)
        target = Target(facts.classes, facts.targets, data.target or facts.target)
        arrays = read_labelled(file, wanted, target)
    with screen.waiting("starting TensorFlow"), divert_output():
        with starting_tensorflow() as wait:
            said = remarks(arrays.inputs, known.inputs)
            wait()
        from dnn_cli.training.evaluate import evaluate_given as work

        examples = Examples(arrays.inputs, arrays.labels)
        made = work(model.path, known, examples, int(record.data.get("train") or len(examples)))
    looked = FileEvaluation(
        at=utc_now(), file=file, digest=examples.fingerprint(), examples=len(made), scores=made.scores,
        model=model.file, epoch=model.epoch,
    )  # fmt: skip
    return Done(known.experiment, made, looked, [*trained_on(file, data), *unlike_text(said)])


def trained_on(file: str, data: "Data") -> list[str]:
    """Return a warning where a file is that of the training or validation examples of the run."""
    kinds = {"training": data.path, "validation": data.validation_path}
    same = [kind for kind, path in kinds.items() if path and os.path.realpath(path) == os.path.realpath(file)]
    return [f"{file} holds {kind} examples of this run, so the scores are not those of new examples" for kind in same]


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


def remember(
    run: "Run", looked: "Evaluation | FileEvaluation", say: "Callable[[str], None]"
) -> "list[Evaluation | FileEvaluation]":
    """Add an evaluation to the record of the run, and return the earlier evaluations on the same examples."""
    from dnn_cli.runs.record import FileEvaluation

    record, field = run.parse_record(), "evaluated_files" if isinstance(looked, FileEvaluation) else "evaluated"
    try:
        with run.claimed():
            record = run.parse_record()
            run.write_record(record.model_copy(update={field: (*getattr(record, field), looked)}))
    except RunError as error:
        say(f"not recorded: {error.message}")
    return [one for one in getattr(record, field) if one.examples_id == looked.examples_id]
