"""Everything about one run: as a page to read, and as JSON."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from dnn_cli.report.runs import entry_document, scores_text
from dnn_cli.report.words import count, duration, visible
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import identity, layer_names
from dnn_cli.runs.record import Record, Scores
from dnn_cli.runs.saved_models import SavedModel, best_model, last_model
from dnn_cli.spec.catalog import short


def page(entry: Entry) -> Table:
    """A fact a row; values wrap where they are long."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for label, value in [*facts(entry), *settings(entry)]:
        lines = value.splitlines() or [""]
        made.add_row(Text(visible(label)), Text("\n".join(map(visible, lines))))
    return made


def facts(entry: Entry) -> Iterator[tuple[str, str]]:
    """What is known of a run besides its config, as (label, text)."""
    record, labels = entry.record, entry.labels
    reason = entry.broken if record is None else record.reason
    status = "broken" if record is None else record.status
    yield "id", identity(entry)
    yield "name", entry.name
    yield "directory", str(entry.run.directory)
    yield "status", f"{status}: {reason}" if reason else status
    if labels.tags:
        yield "tags", ", ".join(labels.tags)
    if labels.note:
        yield "note", labels.note
    if record is not None:
        yield from times(record)
        yield from scores(entry)
        yield from origins(record)
        yield from surroundings(record)


def times(record: Record) -> Iterator[tuple[str, str]]:
    """When a run was trained, and for how long."""
    yield "started", utc(record.started)
    if record.ended:
        yield "ended", utc(record.ended)
    yield "trained", f"{count(record.epochs, 'epoch')} in {duration(record.seconds)}"
    if record.status == "running" and record.process:
        yield "process", str(record.process)
    for resume in record.resumed:
        forced = f", in spite of {', '.join(resume.forced)}" if resume.forced else ""
        note = f"; {resume.note}" if resume.note else ""
        yield "resumed", f"{utc(resume.at)} after {count(resume.epochs, 'epoch')}{forced}{note}"


def scores(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield the scores of the best and the last epoch, and the epoch in each file with weights."""
    if entry.record is None:
        return
    results = entry.record.results
    for label, epoch in (("best", results.best), ("last", results.last)):
        if epoch is not None:
            yield label, f"epoch {epoch['epoch']}  {all_scores(epoch)}"
    for model in saved_models(entry):
        shown = all_scores({name: value for name, value in (model.scores or {}).items() if name.startswith("val_")})
        yield model.file, "  ".join(filter(None, (model.text(), shown)))
    yield from test_scores(entry)


def test_scores(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield the scores on files, and of each weights file on the test set, or the command that finds them."""
    record, models = entry.record, saved_models(entry)
    if record is None:
        return
    latest = {(one.digest, one.model): one for one in record.evaluated_files}
    for one in latest.values():
        of = f"{one.model} on {count(one.examples, 'example')}, {utc(one.at)}"
        yield one.file, f"{scores_text(one.scores)}  {of}"
    if not record.data.get("test"):
        return
    for model in models:
        found = record.tested(model.file)
        if found is not None:
            of = f"{model.file} on {count(found.examples, 'test example')}, {utc(found.at)}"
            yield "test set", f"{scores_text(found.scores)}  {of}"
        else:
            best = ["--best"] if model.holds == "best" else []
            command = shlex.join(["dnn", "evaluate", str(entry.run.directory), *best])
            yield "test set", f"{model.file} is not evaluated yet: {command}"


def saved_models(entry: Entry) -> list[SavedModel]:
    """Return the files with weights of a run; `model.keras` only where its training is complete.

    Without its config, a run does not show which epoch a file holds.
    """
    if entry.experiment is None:
        return []
    completed = entry.record is not None and entry.record.status == "completed" and entry.run.model.is_file()
    best = best_model(entry)
    return [*([last_model(entry)] if completed else []), *([best] if best else [])]


def all_scores(scores: Scores) -> str:
    """Scores of a training, then of its validation."""
    training = {name: value for name, value in scores.items() if not name.startswith("val_")}
    return "  ".join(filter(None, (scores_text(training), scores_text(scores, "val_"))))


def origins(record: Record) -> Iterator[tuple[str, str]]:
    """What a run belongs to."""
    for sweep in record.sweeps:
        yield "sweep", f"{sweep.name} {sweep.id}: {pairs(sweep.settings)}"
    if record.reproduces:
        yield "reproduces", record.reproduces
    data = {key: value for key, value in record.data.items() if key != "dataset" and value is not None}
    yield "data", f"{record.data.get('dataset')}  {pairs(data)}"
    if record.git:
        dirty = ", and files that differ from it" if record.git.get("dirty") else ""
        yield "git", f"{record.git.get('commit')}{dirty}"


def surroundings(record: Record) -> Iterator[tuple[str, str]]:
    """What a run was trained with and on."""
    yield "parameters", ", ".join(f"{value:,} {key}" for key, value in record.parameters.items())
    if record.engine:
        yield "engine", "  ".join(filter(None, (record.engine, pairs(record.plan))))
    for label, values in (("versions", record.versions), ("platform", record.platform), ("flags", record.flags)):
        if values:
            yield label, pairs(values)


def settings(entry: Entry) -> Iterator[tuple[str, str]]:
    """The config of a run, a key or a layer a row."""
    experiment = entry.experiment if entry.record is not None else None
    for key, value in (experiment or {}).items():
        if key == "model":
            layers = value["layers"]
            for name, layer in zip(layer_names(layers), layers, strict=True):
                yield f"layers.{name}", short(layer)
        elif key == "data":
            yield from ((f"data.{name}", short(inner)) for name, inner in value.items() if inner is not None)
        elif key != "name" and value is not None:
            yield key, short(value)


def pairs(values: Mapping[str, Any]) -> str:
    """Names with their values in one line."""
    return "  ".join(f"{key}={short(value)}" for key, value in values.items())


def utc(text: str) -> str:
    """A time of a record to the second."""
    return f"{text[:19].replace('T', ' ')} UTC"


def page_document(entry: Entry) -> dict[str, Any]:
    """The JSON of `dnn runs show`: the record in full, and the config."""
    record = entry.record.model_dump() if entry.record is not None else None
    models = [model.document() for model in saved_models(entry)]
    config = entry.experiment if record else None
    return {"run": {**entry_document(entry), "models": models, "record": record, "config": config}}
