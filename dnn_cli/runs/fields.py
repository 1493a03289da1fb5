"""The fields of a run: what a query, an order or a column can name, each found only where it is asked for."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from dnn_cli.errors import UsageError, nearest
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import EVALUATE, NO_SCORES, TEST, Record, is_test_score
from dnn_cli.spec.metrics import score_name
from dnn_cli.spec.stack import names_of

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...] | None
"""What a field holds: several values where it is a list, `None` where it is empty."""

ABSENT: Any = object()
"""What a field holds for a run that has no such field."""

Getter = Callable[[Entry], Any]
"""The value of a field for a run, or `ABSENT`."""

MAX_NAMES = 5000
"""Among so many names the nearest is looked for."""

OTHER_NAMES = {
    "date": "started",
    "time": "started",
    "created": "started",
    "start": "started",
    "finished": "ended",
    "duration": "seconds",
    "runtime": "seconds",
    "params": "parameters",
    "state": "status",
    "comment": "note",
}
"""Names that other programs give to the fields of a run."""

ALL_FIELDS = "dnn runs --all --csv has every field as a column"

NUMBERS = re.compile(r"([0-9]+)")


def of_record(get: Callable[[Record], Any]) -> Getter:
    """A field that only a run with a record has."""
    return lambda entry: ABSENT if entry.record is None else get(entry.record)


def identity(entry: Entry) -> str:
    """The id of a run; of a broken one what stands for it in its directory's name."""
    return entry.record.id if entry.record else entry.run.directory.absolute().name.rpartition("-")[2]


def age(entry: Entry) -> Any:
    """Seconds since a run started."""
    with suppress(ValueError, OverflowError):
        started = datetime.fromisoformat(entry.record.started) if entry.record else None
        if started is not None:
            aware = started if started.tzinfo else started.replace(tzinfo=timezone.utc)
            return time.time() - aware.timestamp()
    return ABSENT if entry.record is None else None


def sweeps(record: Record) -> tuple[str, ...]:
    """The ids and names of the sweeps that a run belongs to."""
    return tuple(word for one in record.sweeps for word in (one.id, one.name))


OWN: dict[str, Getter] = {
    "id": identity,
    "name": lambda entry: entry.name,
    "status": lambda entry: entry.record.status if entry.record else "broken",
    "reason": lambda entry: entry.record.reason if entry.record else entry.broken,
    "started": of_record(lambda record: record.started),
    "ended": of_record(lambda record: record.ended),
    "age": age,
    "seconds": of_record(lambda record: record.seconds),
    "trained": of_record(lambda record: record.epochs),
    "engine": of_record(lambda record: record.engine),
    "device": of_record(lambda record: plain(record.platform.get("device"))),
    "tag": lambda entry: entry.labels.tags,
    "note": lambda entry: entry.labels.note,
    "sweep": of_record(sweeps),
    "dir": lambda entry: str(entry.run.directory),
    "fingerprint": of_record(lambda record: record.data.get("fingerprint")),
    "resumed": of_record(lambda record: len(record.resumed)),
    "reproduces": of_record(lambda record: record.reproduces),
    "parameters": of_record(lambda record: record.parameters.get("total")),
    "best.epoch": of_record(lambda record: (record.results.best or {}).get("epoch")),
    "last.epoch": of_record(lambda record: (record.results.last or {}).get("epoch")),
}
"""What every run has, or could have: a query may name it though no run has it."""

PARTS: dict[str, Callable[[Record], Mapping[str, Any] | None]] = {
    "best": lambda record: {**(record.results.best or {}), **record.test_scores("best.keras")},
    "last": lambda record: record.results.last,
    "model": lambda record: record.results.model,
    "parameters": lambda record: record.parameters,
    "versions": lambda record: record.versions,
    "platform": lambda record: record.platform,
    "plan": lambda record: record.plan,
    "git": lambda record: record.git,
}
"""What of a record has fields of its own, as `best.val_accuracy`; every other name is a key of the config."""

SCORES = ("best.", "last.", "model.")
"""The beginnings of fields that name a score."""

CONFIG_OF_MODEL = ("model", "model.name", "model.layers")


def reads_config(field: str) -> bool:
    """Whether a field is a key of the config, for which another file has to be read."""
    in_model = field in CONFIG_OF_MODEL or field.startswith("model.layers.")
    if field in OWN or field.startswith(TEST):
        return False
    return in_model or field.partition(".")[0] not in PARTS


def getter(field: str) -> Getter:
    """What finds the value of a field."""
    if field in OWN:
        return OWN[field]
    if field.startswith(TEST):
        return of_record(lambda record: record.test_scores().get(field, ABSENT))
    if reads_config(field):
        steps = field.split(".")
        return lambda entry: setting(entry.experiment, steps) if entry.record is not None else ABSENT
    head, _, key = (score_name(field) if field.startswith(SCORES) else field).partition(".")
    part = PARTS[head]

    def get(entry: Entry) -> Any:
        found = part(entry.record) if entry.record is not None else None
        return plain(found[key]) if found and key in found else ABSENT

    return get


def setting(experiment: Mapping[str, Any] | None, steps: Sequence[str]) -> Any:
    """Return the value of a key of a config as a field holds it: a part is its type."""
    return plain(config_value(experiment, steps))


def config_value(experiment: Mapping[str, Any] | None, steps: Sequence[str]) -> Any:
    """Return the value of a key of a config, as overrides name the key; `ABSENT` where the config has no such key."""
    here: Any = experiment or {}
    if steps[0] not in here and isinstance(here.get("model"), dict):
        here = here["model"]
    for step in steps:
        if isinstance(here, dict):
            here = here.get(step, ABSENT)
        elif isinstance(here, list):
            here = item(here, step)
        else:
            return ABSENT
    return here


def item(items: Sequence[Any], step: str) -> Any:
    """The layer with a name, or the item with an index; a layer may be within a block."""
    for one in items:
        if isinstance(one, dict) and one.get("name") == step:
            return one
    if step.isascii() and step.isdigit() and len(step) < 10:
        return items[int(step)] if int(step) < len(items) else ABSENT
    layers = [one for one in items if isinstance(one, dict)]
    for name, one in zip(layer_names(layers), layers, strict=True):
        if name == step:
            return one
    found = (item(one["layers"], step) for one in layers if isinstance(one.get("layers"), list))
    return next((one for one in found if one is not ABSENT), ABSENT)


def layer_names(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the layers of a config are called, those without a name as Keras would."""
    return names_of((layer.get("name"), "Block" if "repeat" in layer else str(layer.get("type"))) for layer in layers)


def plain(value: Any) -> Any:
    """A value as a field holds it: a part of a config is its type."""
    if value is ABSENT or value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        kind = value.get("type")
        return kind if isinstance(kind, str) else None
    if isinstance(value, list | tuple):
        found = (plain(one) for one in value)
        return tuple(one for one in found if one is not None and not isinstance(one, tuple))
    return None


def known_fields(entries: Iterable[Entry]) -> list[str]:
    """Every field that any of the runs has: what all have first, then scores, then keys of configs."""
    found: dict[str, None] = dict.fromkeys(OWN)
    keys: dict[str, None] = {}
    for entry in entries:
        if entry.record is None:
            continue
        found.update(dict.fromkeys(entry.record.test_scores()))
        for head, part in PARTS.items():
            found.update((f"{head}.{key}", None) for key in part(entry.record) or ())
        keys.update((key, None) for key in setting_names(entry.experiment or {}))
    return [*found, *(key for key in keys if key not in found)]


def setting_names(value: Any, key: str = "") -> Iterator[str]:
    """The keys of a config whose values are plain ones, or parts of a type."""
    below: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        below = ((name, inner) for name, inner in value.items() if name != "type")
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        layers = [one for one in value if isinstance(one, dict)]
        below = zip(layer_names(layers), layers, strict=True) if key.endswith("layers") else ()
    if key and (not isinstance(value, dict) or "type" in value):
        yield key.removeprefix("model.") if key.startswith("model.layers") else key
    for name, inner in below:
        yield from setting_names(inner, f"{key}.{name}" if key else name)


def nearest_field(field: str, entries: Sequence[Entry]) -> str:
    """`did you mean …?` for a field that no run has; the last steps of a name are as good as the whole."""
    from dnn_cli.spec.overrides import full_key  # imports yaml, which takes as long as the rest

    names = known_fields(entries)[:MAX_NAMES]
    field = full_key(score_name(field))
    if field in OTHER_NAMES or field in names:
        return f"did you mean {OTHER_NAMES.get(field, field)}?"
    if field.startswith(TEST) and not any(map(is_test_score, names)):
        return EVALUATE
    ending = [name for name in names if name.endswith(f".{field}")]
    if field in NO_SCORES:  # which stand beside the scores of an epoch
        ending.sort(key=lambda name: name.startswith(("best.", "last.")))
    if ending:
        return f"did you mean {ending[0]}?"
    part, is_type = field[:200].removesuffix(".type"), field.endswith(".type")  # a part stands for its type, too
    return nearest(part, names).replace("?", ".type?" if is_type else "?")


def is_known(field: str, entries: Iterable[Entry]) -> bool:
    """Whether any run has a field, or could have it."""
    get = getter(field)
    return field in OWN or any(get(entry) is not ABSENT for entry in entries)


def check_known(fields: Iterable[str], entries: Sequence[Entry]) -> None:
    """Refuse fields that no run has; where there are no runs, nothing is known of them.

    Raises:
        UsageError: for the first of them.
    """
    for field in fields:
        if entries and not is_known(field, entries):
            shown = field if len(field) <= 60 else f"{field[:60]}…"
            raise UsageError(f"no run has the field {shown}", nearest_field(field, entries) or ALL_FIELDS)


def in_order(entries: Sequence[Entry], order: str) -> list[Entry]:
    """Runs by a field, with a `-` in front the largest first; those that do not have it are the last.

    Raises:
        UsageError: no run has the field.
    """
    field = order.removeprefix("-")
    check_known([field], entries)
    get = getter(field)
    pairs = [(get(entry), entry) for entry in entries]
    present = [pair for pair in pairs if pair[0] is not None and pair[0] is not ABSENT and pair[0] != ()]
    present.sort(key=lambda pair: rank(pair[0]), reverse=order.startswith("-"))
    return [entry for _, entry in present] + [
        entry for value, entry in pairs if value is None or value is ABSENT or value == ()
    ]


def rank(value: Any) -> tuple[int, Any]:
    """Sorts numbers before texts, and each among themselves."""
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return (1, natural(value)) if isinstance(value, str) else (0, value)


def natural(text: str) -> list[tuple[int, str]]:
    """Sorts texts with numbers in them by those: `run9` before `run10`, 3.9 before 3.15."""
    parts = NUMBERS.split(text)
    ranked = [(-1, part) for part in parts]
    for index in range(1, len(parts), 2):
        digits = parts[index].lstrip("0")
        ranked[index] = (len(digits), digits)
    return ranked
