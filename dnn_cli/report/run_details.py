"""Details of one run, as a table and as JSON."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from dnn_cli.config.layer_stack import list_config_layer_names
from dnn_cli.config.value_texts import format_config_value
from dnn_cli.report.runs_table import build_run_info_document, format_scores
from dnn_cli.report.test_read_text import format_test_reads
from dnn_cli.report.text import format_count, format_duration, format_interval, format_score, replace_control_chars
from dnn_cli.runs.evaluations import Evaluation, FileEvaluation, Scores
from dnn_cli.runs.query.run_columns import get_run_id
from dnn_cli.runs.record import Record, StudyRole
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.saved_models import SavedModel, find_best_model, get_last_model


def build_run_details_table(run_info: RunInfo) -> Table:
    """Build a table with a row for each detail of a run; long values wrap."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in [*_iter_record_rows(run_info), *iter_config_rows(run_info)]:
        lines = value.splitlines() or [""]
        grid.add_row(Text(replace_control_chars(label)), Text("\n".join(map(replace_control_chars, lines))))
    return grid


def _iter_record_rows(run_info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield the details of a run without its config, as (label, text)."""
    record, annotations = run_info.record, run_info.annotations
    reason = run_info.error if record is None else record.reason
    status = "broken" if record is None else record.status
    yield "id", get_run_id(run_info)
    yield "name", run_info.name
    yield "directory", str(run_info.run.directory)
    yield "status", f"{status}: {reason}" if reason else status
    if annotations.tags:
        yield "tags", ", ".join(annotations.tags)
    if annotations.note:
        yield "note", annotations.note
    if record is not None:
        yield from iter_time_rows(record)
        yield from iter_score_rows(run_info)
        yield from iter_origin_rows(record)
        yield from iter_environment_rows(record)


def iter_time_rows(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the start, end, duration and resumed trainings of a run, as (label, text)."""
    yield "started", _format_utc_time(record.started)
    if record.ended:
        yield "ended", _format_utc_time(record.ended)
    if record.baseline is not None:
        examples = format_count(record.baseline.examples, "training example")
        yield "trained", f"on {examples} in {format_duration(record.seconds)}"
        yield "baseline", f"{record.baseline.title}: {record.baseline.estimator}"
        yield from (("baseline", note) for note in record.baseline.notes)
    else:
        yield "trained", f"{format_count(record.epochs, 'epoch')} in {format_duration(record.seconds)}"
    if record.status == "running" and record.process:
        yield "process", str(record.process)
    for resume in record.resumed:
        forced = f" with --force: {', '.join(resume.forced)}" if resume.forced else ""
        note = f"; {resume.note}" if resume.note else ""
        yield "resumed", f"{_format_utc_time(resume.at)} after {format_count(resume.epochs, 'epoch')}{forced}{note}"


def iter_score_rows(run_info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield the scores of a run as (label, text).

    The scores are those of the best and the last epoch, of each saved model, and on test examples and files. Rows with
    the temperature and the threshold of a saved model follow its scores.
    """
    if run_info.record is None:
        return
    results = run_info.record.results
    if run_info.record.is_baseline and results.last is not None:
        yield "scores", _format_all_scores(results.last)
    for label, epoch in (("best", results.best), ("last", results.last)):
        if epoch is not None and not run_info.record.is_baseline:
            yield label, f"epoch {epoch['epoch']}  {_format_all_scores(epoch)}"
    for model in _list_saved_models(run_info):
        score_text = _format_all_scores(
            {name: value for name, value in (model.scores or {}).items() if name.startswith("val_")}
        )
        yield model.file_name, "  ".join(filter(None, (model.format_epoch(), score_text)))
    yield from _iter_adjustment_rows(run_info)
    yield from _iter_test_score_rows(run_info)


def _iter_adjustment_rows(run_info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield the temperature and the threshold of each saved model, as (label, text)."""
    record = run_info.record
    if record is None:
        return
    for model in _list_saved_models(run_info):
        if fitted := record.find_temperature(model.file_name):
            basis = f"fitted on {format_count(fitted.examples, 'validation example')}, {_format_utc_time(fitted.at)}"
            yield "temperature", f"{fitted.temperature:.4g} for {model.file_name}, {basis}"
        if chosen := record.find_threshold(model.file_name):
            before = " before the temperature" if fitted else ""
            score_text = f"chosen by {chosen.criterion} {format_score(chosen.score)}"
            basis = f"on {format_count(chosen.examples, 'validation example')}, {_format_utc_time(chosen.at)}"
            yield "threshold", f"{chosen.threshold:.4g}{before} for {model.file_name}, {score_text} {basis}"


def _iter_test_score_rows(run_info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield the scores on evaluated files, and of each saved model on the test set, as (label, text).

    For a saved model without scores on the test set, yield the command that evaluates the model.
    """
    record, models = run_info.record, _list_saved_models(run_info)
    if record is None:
        return
    latest = {
        (file_evaluation.digest, file_evaluation.model): file_evaluation for file_evaluation in record.evaluated_files
    }
    for file_evaluation in latest.values():
        basis = (
            f"{file_evaluation.model} on {format_count(file_evaluation.examples, 'example')}, "
            f"{_format_utc_time(file_evaluation.at)}"
        )
        yield file_evaluation.file, f"{_format_with_intervals(file_evaluation)}  {basis}"
    if not record.data.get("test"):
        return
    for model in models:
        test_evaluation = record.find_test_evaluation(model.file_name)
        if test_evaluation is not None:
            basis = (
                f"{model.file_name} on {format_count(test_evaluation.examples, 'test example')}, "
                f"{_format_utc_time(test_evaluation.at)}"
            )
            yield "test set", f"{_format_with_intervals(test_evaluation)}  {basis}"
        else:
            best = ["--best"] if model.weights_kind == "best" else []
            command = shlex.join(["dnn", "evaluate", str(run_info.run.directory), *best, *record.code_options])
            yield "test set", f"{model.file_name} is not evaluated yet: {command}"
    if record.test_reads:
        yield "test set", format_test_reads(record.test_reads)


def _format_with_intervals(evaluation: Evaluation | FileEvaluation) -> str:
    """Return scores in one line with their 95% intervals, such as `accuracy 0.8933 (0.8612 to 0.9187)`."""
    names = sorted(evaluation.scores, key=lambda name: name != "loss")
    return "  ".join(
        f"{name} {format_score(evaluation.scores[name])}"
        + (f" ({format_interval(evaluation.intervals[name])})" if name in evaluation.intervals else "")
        for name in names
    )


def _list_saved_models(run_info: RunInfo) -> list[SavedModel]:
    """Return the saved models of a run: `model.keras` if the run is completed, and `best.keras` if it exists.

    The list is empty without a readable config, because the epochs of the models are then unknown.
    """
    if run_info.config is None:
        return []
    completed = run_info.record is not None and run_info.record.status == "completed" and run_info.run.model.is_file()
    best = find_best_model(run_info)
    return [*([get_last_model(run_info)] if completed else []), *([best] if best else [])]


def _format_all_scores(scores: Scores) -> str:
    """Return the scores of training, followed by the scores of validation."""
    training = {name: value for name, value in scores.items() if not name.startswith("val_")}
    return "  ".join(filter(None, (format_scores(training), format_scores(scores, "val_"))))


def iter_origin_rows(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the origin of a run, as (label, text).

    The origin is its sweeps and studies, the run that it reproduces, its data and its git commit.
    """
    for membership in record.sweeps:
        kind, role = "sweep", ""
        if membership.study is not None:
            kind, role = "study", f", {_format_study_role(membership.study)}"
        yield kind, f"{membership.name} {membership.id}{role}: {_format_pairs(membership.settings)}"
    if record.reproduces:
        yield "reproduces", record.reproduces
    data = {key: value for key, value in record.data.items() if key != "dataset" and value is not None}
    yield "data", f"{record.data.get('dataset')}  {_format_pairs(data)}"
    yield from (("data", remark) for remark in record.remarks)
    yield from (("code", str(source)) for source in record.code)
    if record.git:
        dirty = ", with uncommitted changes" if record.git.get("dirty") else ""
        yield "git", f"{record.git.get('commit')}{dirty}"


def _format_study_role(role: StudyRole) -> str:
    """Return the role of a run in a study, such as `trial 3 of adam` or `final run of adam, tuned by trial 3`."""
    if role.phase == "tuning":
        return f"trial {role.trial} of {role.value}"
    setting = "with defaults" if role.arm == "default" else f"with the settings of trial {role.trial}"
    return f"final run of {role.value} {setting}"


def iter_environment_rows(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the parameters, engine, versions, platform and flags of a run, as (label, text)."""
    if record.parameters:
        yield "parameters", ", ".join(f"{value:,} {key}" for key, value in record.parameters.items())
    if record.engine:
        yield "engine", "  ".join(filter(None, (record.engine, _format_pairs(record.plan))))
    for label, values in (("versions", record.versions), ("platform", record.platform), ("flags", record.flags)):
        if values:
            yield label, _format_pairs(values)


def iter_config_rows(run_info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield the config of a run as (label, text), a row for each key and each layer."""
    config = run_info.config if run_info.record is not None else None
    for key, value in (config or {}).items():
        if key == "model":
            layers = value["layers"]
            for name, layer in zip(list_config_layer_names(layers), layers, strict=True):
                yield f"layers.{name}", format_config_value(layer)
        elif key == "data":
            yield from (
                (f"data.{name}", format_config_value(inner)) for name, inner in value.items() if inner is not None
            )
        elif key != "name" and value is not None:
            yield key, format_config_value(value)


def _format_pairs(values: Mapping[str, Any]) -> str:
    """Return names with their values in one line, such as `tensorflow=2.21.0  keras=3.12.0`."""
    return "  ".join(f"{key}={format_config_value(value)}" for key, value in values.items())


def _format_utc_time(text: str) -> str:
    """Return a time from a run record as text to the second, such as `2026-01-31 12:30:05 UTC`."""
    return f"{text[:19].replace('T', ' ')} UTC"


def build_run_details_document(run_info: RunInfo) -> dict[str, Any]:
    """Build the JSON document of `dnn runs show`: run, saved models, complete record and config."""
    record = run_info.record.model_dump() if run_info.record is not None else None
    models = [model.to_document() for model in _list_saved_models(run_info)]
    config = run_info.config if record else None
    return {"run": {**build_run_info_document(run_info), "models": models, "record": record, "config": config}}
