"""Command `dnn predict`: predictions of a saved model for images, rows and arrays."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import CompletedRunArgument, JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import BestOption, resolve_saved_model
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.data.run_context import RunContext
    from dnn_cli.formats.prediction_inputs import PredictionInputs
    from dnn_cli.report.evaluation_tables import Predictions


def predict(
    address: CompletedRunArgument,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Image files, .npz files with an array x, .npy files, or .csv files with a header."
        ),
    ],
    resize: Annotated[bool, typer.Option("--resize", help="Resize images to the size of the training images.")] = False,
    invert: Annotated[bool, typer.Option("--invert", help="Invert the brightness of images.")] = False,
    best: BestOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Predict classes or values for images, .npz, .npy and .csv files."""
    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen:
        run, record, model = resolve_saved_model(address, runs_dir, best=best)
        with screen.show_waiting(f"reading {address}"):
            from dnn_cli.data.run_context import load_run_context

            run_context = load_run_context(run, record)
        with screen.show_waiting("reading the inputs"):
            prediction_inputs, refused_files = _read_input_files(files, run_context, resize=resize, invert=invert)
        if prediction_inputs:
            with screen.show_waiting("starting TensorFlow"):
                predictions = _compute_predictions(model.path, run_context, prediction_inputs)
    if as_json:
        from dnn_cli.report.evaluation_tables import build_prediction_documents

        print_json({
            "id": record.id, "name": record.name, "model": model.to_document(),
            "classes": list(run_context.input_profile.dataset_info.classes),
            "predictions": build_prediction_documents(predictions) if prediction_inputs else [],
            "refused": [{"file": file, "reason": reason} for file, reason in refused_files],
        })  # fmt: skip
    elif prediction_inputs:
        from dnn_cli.report.evaluation_tables import build_prediction_table, format_warning_lines

        get_notes_console().print(
            replace_control_chars(
                f"predictions of {record.name} {record.id}, {model.file_name}: {model.format_epoch()}"
            )
        )
        print_rich_table(get_output_console(), build_prediction_table(predictions))
        for line in format_warning_lines(predictions):
            get_notes_console().print(replace_control_chars(line))
    for _, reason in refused_files:
        for line in reason.splitlines():
            get_notes_console().print(replace_control_chars(f"dnn: {line}"))
    if refused_files:
        raise typer.Exit(2)


def _read_input_files(
    files: list[str], run_context: "RunContext", *, resize: bool, invert: bool
) -> "tuple[list[PredictionInputs], list[tuple[str, str]]]":
    """Read the files for a prediction.

    Args:
        files: The paths of the files.
        run_context: The data of the run, which determines the expected shape of the inputs.
        resize: Whether images are resized to the size of the training images.
        invert: Whether the brightness of images is inverted.

    Returns:
        The inputs of the readable files, and a list of the unreadable files, each with the reason.
    """
    from dnn_cli.data.input_statistics import find_white_value
    from dnn_cli.errors import UserDataError
    from dnn_cli.formats.dataset_contents import CURRENT_RULES
    from dnn_cli.formats.image_file import silence_pillow_warnings
    from dnn_cli.formats.prediction_inputs import InputSpec, read_prediction_inputs

    dataset_info = run_context.input_profile.dataset_info
    input_spec = InputSpec(
        dataset_info.input_shape,
        dataset_info.features,
        find_white_value(run_context.input_profile),
        resize,
        invert,
        channels_first=run_context.experiment.data.channels == "first",
        rules=run_context.experiment.data.rules or CURRENT_RULES,
    )
    prediction_inputs, refused_files = [], []
    with silence_pillow_warnings():
        for file in files:
            try:
                prediction_inputs.append(read_prediction_inputs(file, input_spec))
            except UserDataError as error:
                refused_files.append(
                    (file, f"{error.message}  ({error.suggestion})" if error.suggestion else error.message)
                )
    return prediction_inputs, refused_files


def _compute_predictions(
    weights: Path, run_context: "RunContext", prediction_inputs: "list[PredictionInputs]"
) -> "Predictions":
    """Return the predictions for all inputs, in the order of the inputs, with warnings about unusual inputs.

    `weights` is the path of the saved model.
    """
    import numpy as np

    from dnn_cli.data.input_statistics import describe_unusual_inputs
    from dnn_cli.host.output_redirect import redirect_output
    from dnn_cli.report.evaluation_tables import Predictions
    from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background

    inputs = np.concatenate([file_inputs.inputs for file_inputs in prediction_inputs])
    with redirect_output():
        with import_tensorflow_in_background() as wait:
            input_warnings = describe_unusual_inputs(inputs, run_context.input_profile)
            wait()
        from dnn_cli.training.inference import predict_outputs as work

        outputs = work(weights, run_context, inputs)
    return Predictions(
        run_context.experiment,
        tuple(label for file_inputs in prediction_inputs for label in file_inputs.input_names),
        tuple(file_inputs.file for file_inputs in prediction_inputs for _ in file_inputs.inputs),
        tuple(
            line for file_inputs in prediction_inputs for line in file_inputs.lines or [None] * len(file_inputs.inputs)
        ),
        outputs,
        tuple(input_warnings),
    )
