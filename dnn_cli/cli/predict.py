"""`dnn predict`: what a trained network says of images, rows and arrays that it has never seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.cli.trained_run import Best, find_model
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.data.known import Known
    from dnn_cli.formats.given import Given
    from dnn_cli.report.predictions import Predicted


def predict(
    address: Annotated[str, typer.Argument(metavar="RUN", help="A completed run.")],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Images, .npz with an array x, or .csv with a header.")
    ],
    resize: Annotated[
        bool, typer.Option("--resize", help="Stretch images to the size of the training images.")
    ] = False,
    invert: Annotated[
        bool, typer.Option("--invert", help="Make light pixels of images dark, and dark ones light.")
    ] = False,
    best: Best = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Predict from images, .npz and .csv with a trained network."""
    from dnn_cli.cli.progress import open_screen

    with open_screen() as screen:
        run, record, model = find_model(address, runs_dir, best=best)
        with screen.waiting(f"reading {address}"):
            from dnn_cli.data.known import known_of

            known = known_of(run, record)
        with screen.waiting("reading the inputs"):
            given, refused = read_all(files, known, resize=resize, invert=invert)
        if given:
            with screen.waiting("starting TensorFlow"):
                made = predict_all(model.path, known, given)
    if as_json:
        from dnn_cli.report.predictions import prediction_documents

        print_json({
            "id": record.id, "name": record.name, "model": model.document(),
            "classes": list(known.inputs.facts.classes),
            "predictions": prediction_documents(made) if given else [],
            "refused": [{"file": file, "reason": why} for file, why in refused],
        })  # fmt: skip
    elif given:
        from dnn_cli.report.predictions import prediction_table, warning_lines

        notes().print(visible(f"by {record.name} {record.id}, {model.file}: {model.text()}"))
        show(results(), prediction_table(made))
        for line in warning_lines(made):
            notes().print(visible(line))
    for _, why in refused:
        for line in why.splitlines():
            notes().print(visible(f"dnn: {line}"))
    if refused:
        raise typer.Exit(2)


def read_all(
    files: list[str], known: "Known", *, resize: bool, invert: bool
) -> "tuple[list[Given], list[tuple[str, str]]]":
    """The inputs in all files that can be read, and the others with what is wrong."""
    from dnn_cli.data.statistics import white_of
    from dnn_cli.errors import OwnDataError
    from dnn_cli.formats.given import Wanted, read_given
    from dnn_cli.formats.image_file import without_warnings

    facts = known.inputs.facts
    wanted = Wanted(facts.input_shape, facts.features, white_of(known.inputs), resize, invert)
    given, refused = [], []
    with without_warnings():
        for file in files:
            try:
                given.append(read_given(file, wanted))
            except OwnDataError as error:
                refused.append((file, f"{error.message}  ({error.hint})" if error.hint else error.message))
    return given, refused


def predict_all(weights: Path, known: "Known", given: "list[Given]") -> "Predicted":
    """The outputs for all inputs, in their order."""
    import numpy as np

    from dnn_cli.data.statistics import remarks
    from dnn_cli.report.predictions import Predicted
    from dnn_cli.training.noise import divert_output
    from dnn_cli.training.start import starting_tensorflow

    inputs = np.concatenate([one.inputs for one in given])
    with divert_output():
        with starting_tensorflow() as wait:
            said = remarks(inputs, known.inputs)
            wait()
        from dnn_cli.training.predict import predict as work

        outputs = work(weights, known, inputs)
    return Predicted(
        known.experiment,
        tuple(label for one in given for label in one.labels),
        tuple(one.file for one in given for _ in one.inputs),
        tuple(line for one in given for line in one.lines or [None] * len(one.inputs)),
        outputs,
        tuple(said),
    )
