"""Command `dnn predict`: predictions of a saved model for images, rows and arrays."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import AllowCodeOption, CompletedRunArgument, JsonOption, RunsDirOption, get_code_directory
from dnn_cli.cli.run_selection import BestOption, resolve_saved_model
from dnn_cli.errors import RunError, UsageError, UserDataError
from dnn_cli.report.text import format_count, replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.data.run_context import RunContext
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.formats.prediction_inputs import PredictionInputs
    from dnn_cli.metrics.sampled_predictions import DropoutSampling, SampledPredictions
    from dnn_cli.report.prediction_tables import Predictions
    from dnn_cli.runs.evaluations import FittedTemperature


def predict(
    address: CompletedRunArgument,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Image files, .npz files with an array x, .npy files, or tables in .csv or .parquet files.",
        ),
    ],
    resize: Annotated[bool, typer.Option("--resize", help="Resize images to the size of the training images.")] = False,
    invert: Annotated[bool, typer.Option("--invert", help="Invert the brightness of images.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the predictions for one file to a .csv file."),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,…",
            help="Columns of the input file to write first, separated by commas. Default: data.ignore of the run.",
        ),
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Write a column of probabilities for each class to the .csv file.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            metavar="N",
            min=2,
            max=1_000_000,
            help="Predict N times with active dropout, and print mean and standard deviation.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Seed of the dropout of --samples. Default: seed of the run."),
    ] = None,
    best: BestOption = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Predict classes or values for images, arrays and tables.

    Columns of a .csv file are found by their names. Missing cells of columns in data.columns are replaced as in the
    training. Rows with another empty or invalid input are named and have no prediction.

    With --samples, dropout and noise layers stay active: each sample is the output of a randomly thinned network. The
    spread of the samples shows how certain the network is.
    """
    from dnn_cli.report.prediction_adjustment import apply_adjustment, build_adjustment_document, format_adjustment
    from dnn_cli.terminal.progress import open_screen

    _check_output_options(output, files, keep, proba=proba, force=force, as_json=as_json)
    if seed is not None and samples is None:
        raise UsageError("--seed applies only to --samples", "add --samples 100, or omit --seed")
    code_directory = get_code_directory(allow=allow_code)
    with open_screen() as screen:
        run, record, model = resolve_saved_model(address, runs_dir, best=best)
        adjustment = record.find_temperature(model.file_name), record.find_threshold(model.file_name)
        with screen.show_waiting(f"reading {address}"):
            from dnn_cli.config.custom_code import check_code_permission
            from dnn_cli.data.run_context import load_run_context

            run_context = load_run_context(run, record)
            check_code_permission(run_context.experiment, code_directory)
            sampling = _build_sampling(run_context.experiment, samples, seed)
        with screen.show_waiting("reading the inputs"):
            prediction_inputs, refused_files = _read_input_files(
                files,
                run_context,
                None if keep is None else keep.split(",") if keep else [],
                resize=resize,
                invert=invert,
            )
        if prediction_inputs:
            with screen.show_waiting("starting TensorFlow"):
                fitted, chosen = adjustment
                outputs = _compute_predictions(
                    model.path, run_context, prediction_inputs, sampling, fitted, code_directory, screen
                )
                predictions = apply_adjustment(outputs, fitted, chosen)
    if as_json:
        from dnn_cli.report.prediction_tables import build_prediction_documents

        print_json({
            "id": record.id, "name": record.name, "model": model.to_document(),
            "classes": list(run_context.input_profile.dataset_info.classes),
            **build_adjustment_document(*adjustment),
            **({} if sampling is None else {"sampling": sampling._asdict()}),
            "predictions": build_prediction_documents(predictions) if prediction_inputs else [],
            "replaced_cells": [
                {"file": file_inputs.file, **cells.to_document()}
                for file_inputs in prediction_inputs for cells in file_inputs.replaced_cells
            ],
            "refused": [{"file": file, "reason": reason} for file, reason in refused_files],
        })  # fmt: skip
    elif prediction_inputs and output is not None:
        _write_predictions(output, predictions, prediction_inputs[0], with_probabilities=proba)
    elif prediction_inputs:
        from dnn_cli.report.prediction_tables import build_prediction_table

        get_notes_console().print(
            replace_control_chars(
                f"predictions of {record.name} {record.id}, {model.file_name}: {model.format_epoch()}"
            )
        )
        if sampling is not None:
            get_notes_console().print(
                f"mean and standard deviation of {sampling.samples:,} samples with active dropout, seed {sampling.seed}"
            )
        print_rich_table(get_output_console(), build_prediction_table(predictions))
    if prediction_inputs and not as_json:
        if adjustment_text := format_adjustment(*adjustment):
            get_notes_console().print(replace_control_chars(adjustment_text))
        from dnn_cli.report.prediction_tables import format_warning_lines

        for line in format_warning_lines(predictions):
            get_notes_console().print(replace_control_chars(line))
        for file_inputs in prediction_inputs:
            for line in (line for cells in file_inputs.replaced_cells for line in cells.lines):
                get_notes_console().print(replace_control_chars(f"{file_inputs.file}: {line}"), soft_wrap=True)
    for _, reason in refused_files:
        for line in reason.splitlines():
            get_notes_console().print(replace_control_chars(f"dnn: {line}"))
    if refused_files:
        raise typer.Exit(2)


def _build_sampling(experiment: "Experiment", samples: int | None, seed: int | None) -> "DropoutSampling | None":
    """Return the sampling that the options request; `None` without `--samples`.

    Raises:
        UsageError: the network has no dropout.
    """
    if samples is None:
        return None
    from dnn_cli.config.network_dropout import check_has_dropout
    from dnn_cli.metrics.sampled_predictions import DropoutSampling

    check_has_dropout(experiment)
    return DropoutSampling(samples, experiment.seed if seed is None else seed)


_OTHER_SUFFIXES = (".parquet", ".npy", ".npz", ".json", ".xlsx")
"""Suffixes of formats in which predictions are not written."""


def _check_output_options(
    output: Path | None, files: list[str], keep: str | None, *, proba: bool, force: bool, as_json: bool
) -> None:
    """Check that the options for the output file are complete, and that the file can be written.

    Raises:
        UsageError: options are incompatible, or the file exists already.
    """
    if output is None:
        if keep is not None or proba or force:
            option = "--keep" if keep is not None else "--proba" if proba else "--force"
            raise UsageError(f"{option} applies only to a .csv file of predictions", "add -o FILE")
        return
    if as_json:
        raise UsageError("-o and --json exclude each other", "remove one of them")
    if output.suffix.lower() in _OTHER_SUFFIXES:
        raise UsageError(f"{output} is not a .csv file", f"use -o {shlex.quote(str(output.with_suffix('.csv')))}")
    if len(files) > 1:
        raise UsageError(f"-o writes the predictions for one file, not for {len(files)}", "run the command once a file")
    if output.is_dir() or not output.parent.is_dir():
        raise UsageError(f"{output} cannot be written", "choose a path in an existing directory")
    if output.exists() and not force:
        raise UsageError(f"{output} already exists", "use --force to replace it, or choose another path with -o")


def _write_predictions(
    output: Path, predictions: "Predictions", prediction_inputs: "PredictionInputs", *, with_probabilities: bool
) -> None:
    """Write the predictions for one file to a CSV file, and print the number of predictions.

    Raises:
        UsageError: the file cannot be written, or its columns would be ambiguous.
    """
    from dnn_cli.report.prediction_csv import format_prediction_csv
    from dnn_cli.runs.atomic_write import write_text

    text = format_prediction_csv(predictions, prediction_inputs, with_probabilities=with_probabilities)
    try:
        write_text(output, text)
    except RunError as error:
        raise UsageError(error.message, "choose another path") from None
    count = len(prediction_inputs.inputs)
    table = prediction_inputs.table
    empty_count = len(table.all_lines) - count if table else 0
    empty_text = f", {format_count(empty_count, 'row')} without prediction" if empty_count else ""
    get_notes_console().print(replace_control_chars(f"wrote {output}: {format_count(count, 'prediction')}{empty_text}"))


def _read_input_files(
    files: list[str], run_context: "RunContext", keep: list[str] | None, *, resize: bool, invert: bool
) -> "tuple[list[PredictionInputs], list[tuple[str, str]]]":
    """Read the files for a prediction.

    Args:
        files: The paths of the files.
        run_context: The data of the run, which determines the expected shape of the inputs.
        keep: The columns of tables to keep for output. `None` for those that the training ignored.
        resize: Whether images are resized to the size of the training images.
        invert: Whether the brightness of images is inverted.

    Returns:
        The inputs of the readable files, and a list of the unreadable files, each with the reason. Tables with invalid
        rows are in both.
    """
    from dnn_cli.data.integer_inputs import check_integer_inputs
    from dnn_cli.errors import UserDataError
    from dnn_cli.formats.image_file import silence_pillow_warnings
    from dnn_cli.formats.prediction_inputs import PredictionInputs, read_prediction_inputs

    kept_columns = (run_context.experiment.data.ignore or ()) if keep is None else keep
    input_spec = run_context.build_input_spec(resize=resize, invert=invert, kept_columns=kept_columns)
    prediction_inputs: list[PredictionInputs] = []
    errors: list[tuple[str, UserDataError]] = []
    with silence_pillow_warnings():
        for file in files:
            try:
                file_inputs = read_prediction_inputs(file, input_spec)
                check_integer_inputs(run_context.experiment, file_inputs.inputs, file, is_trained=True)
                if keep is not None:
                    _check_kept_columns(file, file_inputs, keep)
            except UserDataError as error:
                errors.append((file, error))
                continue
            prediction_inputs.append(file_inputs)
            if file_inputs.table is not None and file_inputs.table.error is not None:
                errors.append((file, file_inputs.table.error))
    refused_files = [
        (file, f"{error.message}  ({error.suggestion})" if error.suggestion else error.message)
        for file, error in errors
    ]
    return prediction_inputs, refused_files


def _check_kept_columns(file: str, file_inputs: "PredictionInputs", keep: list[str]) -> None:
    """Check that a table has the columns to keep.

    Raises:
        UserDataError: the file is not a table, or lacks a column.
    """
    if file_inputs.table is None:
        raise UserDataError(f"{file} is not a table, but --keep applies only to columns", "remove --keep")
    missing = next((name for name in keep if name not in file_inputs.table.kept_columns), None)
    if missing is not None:
        raise UserDataError(f"{file} has no column {missing}", "name columns of this file after --keep")


def _compute_predictions(
    weights: Path,
    run_context: "RunContext",
    prediction_inputs: "list[PredictionInputs]",
    sampling: "DropoutSampling | None",
    fitted: "FittedTemperature | None",
    code_directory: str | None,
    reporter: "Reporter",
) -> "Predictions":
    """Return the predictions for all inputs, in the order of the inputs, with warnings about unusual inputs.

    Args:
        weights: The path of the saved model.
        run_context: The experiment and the input profile of the run.
        prediction_inputs: The inputs.
        sampling: The samples with active dropout; `None` for one prediction without dropout.
        fitted: The temperature that each sample gets; without samples, the outputs have no temperature.
        code_directory: The directory of custom layers; `None` without permission to run their code.
        reporter: The object that receives warnings about the code of custom layers.
    """
    import numpy as np

    from dnn_cli.data.input_statistics import describe_unusual_inputs
    from dnn_cli.execution.preparation import import_layers_of_user
    from dnn_cli.host.output_redirect import redirect_output
    from dnn_cli.report.prediction_tables import Predictions
    from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background

    inputs = np.concatenate([file_inputs.inputs for file_inputs in prediction_inputs])
    with redirect_output():
        with import_tensorflow_in_background() as wait:
            input_warnings = describe_unusual_inputs(inputs, run_context.input_profile)
            wait()
        import_layers_of_user(run_context.experiment, code_directory, reporter)
        sampled: SampledPredictions | None = None
        if sampling is None:
            from dnn_cli.training.inference import predict_outputs

            outputs = predict_outputs(weights, run_context, inputs)
        else:
            from dnn_cli.training.dropout_sampling import predict_with_dropout

            temperature = fitted.temperature if fitted else None
            sampled = predict_with_dropout(weights, run_context, inputs, sampling, temperature)
            outputs = sampled.means.astype(np.float32)
    return Predictions(
        run_context.experiment,
        tuple(label for file_inputs in prediction_inputs for label in file_inputs.input_names),
        tuple(file_inputs.file for file_inputs in prediction_inputs for _ in file_inputs.inputs),
        tuple(
            line for file_inputs in prediction_inputs for line in file_inputs.lines or [None] * len(file_inputs.inputs)
        ),
        outputs,
        tuple(input_warnings),
        sampled,
    )
