"""Page of one run: results, findings, predictions, network, config, and commands that reproduce the run."""

import math
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnn_cli.config.datasets import DATASETS, DatasetInfo
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import compute_stages, format_shape
from dnn_cli.config.network_summary import build_layer_row as layer_row
from dnn_cli.config.network_summary import format_number, iter_indented_rows
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.config.value_texts import format_config_value
from dnn_cli.errors import ConfigError, DataError, RunError
from dnn_cli.report.html.predictions_section import ClassificationSection, build_predictions_section
from dnn_cli.report.html.regression_section import RegressionSection
from dnn_cli.report.html.svg_plot import Plot, SvgLine, build_plot, select_evenly
from dnn_cli.report.prediction_adjustment import format_adjustment
from dnn_cli.report.run_details import (
    iter_config_rows,
    iter_environment_rows,
    iter_origin_rows,
    iter_score_rows,
    iter_time_rows,
)
from dnn_cli.report.text import format_score
from dnn_cli.runs.query.run_columns import get_run_id
from dnn_cli.runs.record import NON_SCORE_COLUMNS
from dnn_cli.runs.run import Run, read_text_file
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.runs_directory import build_runs_dir_option

_MAX_LISTED_LAYERS = 100
"""Largest number of layers in the table of layers."""

_MAX_CONFIG_LENGTH = 20_000
"""Largest number of characters of a config on the page."""


@dataclass(frozen=True)
class DetailLimits:
    """Limits of the details on the page of one run. If a report has more runs, each page shows less."""

    mistakes: int
    """Largest number of listed mistakes."""

    points: int
    """Largest number of points of a curve."""

    epochs: int
    """Largest number of rows of the table of epochs."""

    with_samples: bool = True
    """Whether scores have intervals from bootstrap samples, which take a tenth of a second for each run."""


@dataclass(frozen=True)
class _EpochTable:
    """Table of the scores after each epoch."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    omitted_count: int
    best: str
    """Number of the best epoch; empty if the best epoch is unknown."""


@dataclass(frozen=True)
class _LayerTable:
    """Layers of a network, each with its output shape and its parameters."""

    rows: tuple[tuple[str, str, str, str, str], ...]
    omitted_count: int
    total: str


@dataclass(frozen=True)
class _FindingRow:
    """A finding of a run, with commands to try."""

    severity: str
    title: str
    seen: str
    meaning: str
    when: str
    """Text on the epoch from which the finding holds; empty if the finding holds for the whole run."""

    commands: tuple[str, ...]


@dataclass(frozen=True)
class RunPage:
    """Content of the page of one run."""

    anchor: str
    id: str
    name: str
    status: str
    reason: str
    tags: tuple[str, ...]
    note: str
    directory: str
    headline: tuple[tuple[str, str], ...]
    """The most important numbers, as (label, text)."""

    findings: tuple[_FindingRow, ...]
    plots: tuple[tuple[str, Plot], ...]
    epochs: _EpochTable | None
    predictions: "ClassificationSection | RegressionSection | str | None"
    layers: _LayerTable | None
    about: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    config: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]
    """Commands that reproduce or continue the run, each with its effect."""

    fingerprint: str
    """Fingerprint of the run's data, which identifies thumbnails of its examples."""


def build_run_page(run_info: RunInfo, anchor: str, limits: DetailLimits) -> RunPage:
    """Build the page of a run. The run may have any status, or be broken."""
    record, config = run_info.record, run_info.config or {}
    run, dataset_info = run_info.run, _find_dataset_info(run_info)
    completed = record is not None and record.status == "completed"
    return RunPage(
        anchor,
        get_run_id(run_info),
        run_info.name,
        "broken" if record is None else record.status,
        (run_info.error or "" if record is None else record.reason) or "",
        tuple(run_info.annotations.tags),
        run_info.annotations.note or "",
        os.path.relpath(run.directory),
        tuple(_iter_headline_rows(run_info)),
        tuple(_iter_findings(run_info)),
        tuple(_iter_score_plots(run_info, limits.points)),
        _build_epoch_table(run_info, limits.epochs),
        build_predictions_section(
            run,
            dataset_info,
            logits=_has_logit_outputs(config),
            max_mistakes=limits.mistakes,
            has_probabilities=_has_probability_outputs(config),
            adjustment_note=_format_adjustment_note(run_info),
            with_samples=limits.with_samples,
        )
        if completed
        else None,
        _build_layer_table(run_info, dataset_info),
        (*iter_time_rows(record), *iter_score_rows(run_info)) if record else (),
        _list_environment_rows(run_info),
        _list_config_lines(run_info),
        tuple(_iter_commands(run_info)),
        str(record.data.get("fingerprint")) if record else "",
    )


def _find_dataset_info(run_info: RunInfo) -> DatasetInfo | None:
    """Find the dataset info of a run without reading its data; `None` if the dataset info is unknown."""
    from dnn_cli.runs.input_profile import read_input_profile

    dataset = (run_info.config or {}).get("data", {}).get("dataset")
    if dataset in DATASETS:
        return DATASETS[dataset]
    try:
        input_profile = read_input_profile(run_info.run)
    except RunError:
        return None
    return input_profile.dataset_info if input_profile else None


def _has_logit_outputs(config: Mapping[str, Any]) -> bool:
    """Return whether the outputs of a network are logits."""
    return bool(config.get("loss", {}).get("from_logits"))


def _has_probability_outputs(config: Mapping[str, Any]) -> bool:
    """Return whether the outputs of a network are probabilities, or logits of probabilities."""
    layers = config.get("model", {}).get("layers") or [{}]
    ends_in = {layers[-1].get("activation"), str(layers[-1].get("type")).lower()}
    return _has_logit_outputs(config) or bool(ends_in & {"softmax", "sigmoid"})


def _format_adjustment_note(run_info: RunInfo) -> str:
    """Return a sentence on the temperature and the threshold of `model.keras`; empty without both."""
    record, file_name = run_info.record, run_info.run.model.name
    if record is None:
        return ""
    adjustment_text = format_adjustment(record.find_temperature(file_name), record.find_threshold(file_name))
    return f"dnn predict applies an adjustment, which is not used here: {adjustment_text}." if adjustment_text else ""


def _iter_headline_rows(run_info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield the most important numbers of a run, as (label, text)."""
    record = run_info.record
    if record is None:
        return
    monitor, results = record.results.monitor, record.results
    saved = results.model or results.last
    if saved and monitor in saved:
        yield monitor, format_score(saved[monitor])
    if record.baseline is not None:
        yield "baseline", record.baseline.title
        yield "training examples", f"{record.baseline.examples:,}"
        return
    if results.best:
        yield f"best, epoch {results.best['epoch']}", format_score(results.best[monitor])
    yield "epochs", str(record.epochs)
    yield "parameters", f"{record.parameters.get('total', 0):,}"
    yield "seed", str(run_info.details.seed)


def _iter_findings(run_info: RunInfo) -> Iterator[_FindingRow]:
    """Yield the findings that `dnn explain` prints about a run; nothing if the files of the run are damaged."""
    from dnn_cli.explain.explanation import explain_run
    from dnn_cli.report.explanation_view import format_finding_epoch

    if run_info.record is None or run_info.record.is_baseline:
        return
    try:
        explanation = explain_run(run_info)
    except (RunError, ConfigError, DataError):
        return
    run = Run(Path(os.path.relpath(run_info.run.directory)))
    for finding in explanation.findings:
        suggested_commands = tuple(shlex.join(remedy.build_command(run)) for remedy in finding.suggestions)
        yield _FindingRow(
            finding.severity,
            finding.title,
            finding.observation,
            finding.meaning,
            format_finding_epoch(finding).removeprefix(", "),
            suggested_commands,
        )


def _iter_score_plots(run_info: RunInfo, max_points: int) -> Iterator[tuple[str, Plot]]:
    """Yield a plot for each score, with the curves of training and validation. A baseline has no curves."""
    details = run_info.details
    if run_info.record is not None and run_info.record.is_baseline:
        return
    best = (run_info.record.results.best or {}).get("epoch") if run_info.record else None
    names = [name for name in details.columns if name not in NON_SCORE_COLUMNS and not name.startswith("val_")]
    for name in sorted(names, key=lambda name: name == "loss"):
        both = [(label, css, details.get_metric_values(column)) for label, css, column in (
            ("training", "c1 d1", name), ("validation", "c0 d0", f"val_{name}")
        )]  # fmt: skip
        lines = [SvgLine(label, range(1, len(y) + 1), y, css) for label, css, y in both if y]
        if lines:
            label = f"{name} over {details.epoch_count} epochs; the table of scores by epoch lists the values"
            yield (
                name,
                build_plot(lines, label, lower_is_better=lower_is_better(name), mark=best, max_points=max_points),
            )


def _build_epoch_table(run_info: RunInfo, max_rows: int) -> _EpochTable | None:
    """Build the table of at most `max_rows` epochs at equal distances; `None` for a run without epochs."""
    details = run_info.details
    if not details.epoch_count or (run_info.record is not None and run_info.record.is_baseline):
        return None
    names = [name for name in details.columns if name != "epoch"]
    columns = [details.get_metric_values(name) for name in names]
    chosen = select_evenly(range(details.epoch_count), max_rows)
    rows = tuple((str(at + 1), *(format_score(column[at]) for column in columns)) for at in chosen)
    best = (run_info.record.results.best or {}).get("epoch", "") if run_info.record else ""
    return _EpochTable(("epoch", *names), rows, details.epoch_count - len(chosen), str(best))


def _build_layer_table(run_info: RunInfo, dataset_info: DatasetInfo | None) -> _LayerTable | None:
    """Build the table of layers; `None` if the config is invalid or the input shape is unknown."""
    if dataset_info is None or run_info.config is None:
        return None
    try:
        experiment = Experiment.model_validate(run_info.config)
        shape = (math.prod(dataset_info.input_shape),) if experiment.data.flatten else dataset_info.input_shape
        layer_summaries = [layer_row(stage) for stage in compute_stages(experiment.model.stack, shape)]
    # pydantic's ValidationError is a ValueError.
    except ValueError:
        return None
    named_rows = [*iter_indented_rows(layer_summaries)]
    rows = tuple(
        (
            name,
            row.type,
            format_shape(row.output_shape),
            "" if row.inner else row.formula,
            format_number(row.parameters),
        )
        for name, row in named_rows[:_MAX_LISTED_LAYERS]
    )
    sizes = [row.parameters for row in layer_summaries]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    return _LayerTable(rows, len(named_rows) - len(rows), format_number(total))


def _list_environment_rows(run_info: RunInfo) -> tuple[tuple[str, str], ...]:
    """Return the origin (sweeps, data, commit) and the environment (versions, hardware) of a run, as (label, text)."""
    record = run_info.record
    if record is None:
        return ()
    environment_rows = [
        pair
        for pair in (*iter_origin_rows(record), *iter_environment_rows(record))
        if pair[0] not in ("versions", "platform")
    ]
    versions_and_platform = [*record.versions.items(), *record.platform.items()]
    return (
        *environment_rows,
        *((key, format_config_value(value)) for key, value in versions_and_platform if value not in (None, "")),
    )


def _list_config_lines(run_info: RunInfo) -> tuple[str, ...]:
    """Return the first 20,000 characters of a run's config as lines. If this fails, return the error message.

    The config of a baseline also describes a network, so only the keys that influence the baseline are returned.
    """
    if run_info.record is not None and run_info.record.is_baseline:
        return tuple(f"{key}: {text}" for key, text in iter_config_rows(run_info))
    try:
        return tuple(read_text_file(run_info.run.config)[:_MAX_CONFIG_LENGTH].splitlines())
    except RunError as error:
        return (error.message,)


def _iter_commands(run_info: RunInfo) -> Iterator[tuple[str, str]]:
    """Yield commands with their effects, as (command, effect).

    The commands reproduce, resume or retrain a run, or restore its environment.
    """
    record, run = run_info.record, run_info.run
    if record is None:
        return
    runs_dir_option = build_runs_dir_option(os.path.relpath(run.directory.parent))
    if record.baseline is not None:
        words = ["dnn", "baseline", os.path.relpath(run.config), "--only", record.baseline.method, *runs_dir_option]
        yield shlex.join(words), "trains the same baseline as a new run"
        return
    if record.status == "completed":
        yield (
            shlex.join(["dnn", "reproduce", record.id, *record.code_options, *runs_dir_option]),
            "trains the run again and checks whether the results are bit-identical",
        )
    elif record.status in ("interrupted", "failed"):
        words = ["dnn", "resume", record.id, *record.code_options, *runs_dir_option]
        yield shlex.join(words), "continues the run from its last checkpoint"
    yield (
        shlex.join(["dnn", "train", os.path.relpath(run.config), *record.code_options, *runs_dir_option]),
        "trains the same experiment as a new run",
    )
    libraries = [f"{name}=={record.versions[name]}" for name in ("tensorflow", "keras") if name in record.versions]
    if libraries:
        yield shlex.join(["pip", "install", *libraries]), "installs the versions with which the run was trained"
    commit = (record.git or {}).get("commit")
    if isinstance(commit, str):
        dirty = "; the run was trained with uncommitted changes" if (record.git or {}).get("dirty") else ""
        yield shlex.join(["git", "checkout", commit]), f"checks out the commit of the run{dirty}"
