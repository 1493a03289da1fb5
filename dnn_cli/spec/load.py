"""File + overrides → `Experiment`: `extends`, then the overrides, then every check at once."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from pydantic import ValidationError

from dnn_cli.errors import ConfigError, Fault, Place
from dnn_cli.spec import lint
from dnn_cli.spec.check import machine_misfits, misfits
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.faults import faults_of
from dnn_cli.spec.overrides import apply_overrides, opened
from dnn_cli.spec.remark import Remark
from dnn_cli.spec.spelling import canonical
from dnn_cli.spec.yaml_file import MAX_FAULTS, Document, KeyPath, key_text, parse_yaml, read_yaml

MAX_PARENTS = 20


@dataclass(frozen=True)
class Loaded:
    """An experiment, where it came from, and what to think about before training it."""

    experiment: Experiment
    file: str
    overrides: tuple[str, ...]
    advice: tuple[Fault, ...]


def load(file: str, overrides: Sequence[str] = (), *, to_train: bool = False) -> Loaded:
    """The experiment that a config file and overrides describe; `to_train`: and that this machine can train.

    Raises:
        ConfigError: with every fault, each at its line and column or at its override.
    """
    return complete(read_base(file), file, overrides, to_train=to_train)


def read_base(file: str) -> Document:
    """A config file with what it extends, as it stands there.

    Raises:
        ConfigError: it is not a mapping of keys, or cannot be read.
    """
    document = read_with_parents(file)
    if not isinstance(document.value, dict):
        what = "is empty" if document.value is None else "is not a mapping of keys"
        raise ConfigError([Fault(Place(file, 1, 1), "", what, "a config starts like: model: {layers: [Flatten, …]}")])
    return respelled(document)


def complete(base: Document, file: str, overrides: Sequence[str] = (), *, to_train: bool = False) -> Loaded:
    """The experiment that a document and overrides describe.

    Raises:
        ConfigError: with every fault, each at its line and column or at its override.
    """
    document = respelled(apply_overrides(base, overrides))
    document.value.setdefault("name", readable_stem(file))
    resolve_paths(document)
    experiment = validate(document)
    if to_train and (remarks := machine_misfits(experiment)):
        raise ConfigError(placed(remarks, document))
    return Loaded(experiment, file, tuple(overrides), tuple(placed(lint.advice(experiment), document)))


def respelled(document: Document) -> Document:
    """Return the document with every part under its one name, so that faults and layers are found by that name."""
    return replace(document, value=canonical(document.value))


def validate(document: Document) -> Experiment:
    """The experiment a document describes.

    Raises:
        ConfigError: with every fault.
    """
    faults = [fault for _, fault in document.faults[:MAX_FAULTS]]
    try:
        experiment = Experiment.model_validate(document.value)
    except ValidationError as error:
        faults += faults_of(error, document)
        faults += placed(misfits_beside(error, document), document)
    else:
        faults += placed(misfits(experiment), document)
    if faults:
        raise ConfigError(sorted(faults, key=lambda f: (f.place.source, f.place.line or 0, f.place.column or 0)))
    return experiment


def misfits_beside(error: ValidationError, document: Document) -> list[Remark]:
    """What does not fit in the keys that are valid by themselves, with the defaults for all others."""
    broken = {detail["loc"][0] for detail in error.errors(include_url=False)}
    if broken & {"model", "data"} or any(path[:1] in ((), ("model",), ("data",)) for path, _ in document.faults):
        return []
    sound = {key: value for key, value in document.value.items() if key not in broken}
    remarks = misfits(Experiment.model_validate({**sound, "name": "sound"}))
    return [remark for remark in remarks if remark.path[0] in ("model", "data")]


def load_resolved(file: str) -> Experiment:
    """The experiment of a run, resolved when it was trained: neither its data nor this machine is looked at.

    Raises:
        ConfigError: the file is not such an experiment.
    """
    document = respelled(read_yaml(file))
    faults = [fault for _, fault in document.faults[:MAX_FAULTS]]
    try:
        experiment = Experiment.model_validate(document.value)
    except ValidationError as error:
        faults += faults_of(error, document)
    if faults:
        raise ConfigError(faults)
    return experiment


def readable_stem(file: str) -> str:
    """The name of a file less its ending, as text even where it is not UTF-8."""
    return os.fsencode(os.path.splitext(os.path.basename(file))[0]).decode("utf-8", "replace")


def resolve_paths(document: Document) -> None:
    """Make paths to data absolute: they are relative to the file they stand in, or to where an override was typed."""
    data = document.value.get("data")
    for key in ("path", "validation_path", "test_path"):
        if isinstance(data, dict) and isinstance(data.get(key), str) and data[key]:
            place = document.place(("data", key))
            folder = os.path.dirname(place.source) if place.line else ""
            data[key] = os.path.abspath(os.path.join(folder, os.path.expanduser(data[key])))


def placed(remarks: Sequence[Remark], document: Document) -> list[Fault]:
    """Remarks on an experiment, at their places in its document."""
    return [Fault(document.place(r.path), key_text(r.path), r.message, r.suggestion) for r in remarks]


def read_with_parents(file: str, children: tuple[str, ...] = ()) -> Document:
    """A file laid over the one it extends, and so on up."""
    document = read_yaml(file)
    if not isinstance(document.value, dict) or "extends" not in document.value:
        return document
    place = document.places[("extends",)]
    named = document.value.pop("extends")
    if not isinstance(named, str) or not named:
        raise ConfigError([Fault(place, "extends", "needs the name of one config file", "extends: base.yaml")])
    parent = os.path.join(os.path.dirname(file), named)
    line = (*children, os.path.realpath(file))
    if os.path.realpath(parent) in line:
        raise ConfigError([Fault(place, "extends", f"goes round in a circle: {named} extends this file")])
    if len(line) > MAX_PARENTS:
        raise ConfigError([Fault(place, "extends", f"is the parent number {len(line)}, and {MAX_PARENTS} are enough")])
    if not os.path.exists(parent):
        raise ConfigError([Fault(place, "extends", f"there is no {parent}", "the path is relative to this file")])
    above = read_with_parents(parent, line)
    if not isinstance(above.value, dict):
        raise ConfigError([Fault(place, "extends", f"{named} is not a mapping of keys, and no config")])
    return merge(above, document)


def merge(parent: Document, child: Document) -> Document:
    """The child laid over its parent: mappings merge key by key, everything else replaces.

    A child that names a type, as `sgd` or as `{type: sgd, …}`, starts that part afresh; one that gives only
    arguments changes those of its parent.
    """
    places = dict(parent.places)

    def lay(below: Any, above: Any, path: KeyPath) -> Any:
        if isinstance(below, str) and isinstance(above, dict) and "type" not in above:
            below = opened(below, path)  # a bare name that the child gives arguments to
        if not (isinstance(below, dict) and isinstance(above, dict)) or "type" in above:
            for known in paths_within(below, path):
                places.pop(known, None)
            places.update({k: child.places[k] for k in paths_within(above, path) if k in child.places})
            places[path] = child.place(path)
            return above
        places[path] = child.place(path)
        for key in above:
            places.setdefault((*path, key), child.place((*path, key)))
        return {**below, **{key: lay(below.get(key), value, (*path, key)) for key, value in above.items()}}

    value = lay(parent.value, child.value, ())
    return Document(value, places, (*parent.faults, *child.faults))


def paths_within(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    """The paths of all values within a mapping or a list."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from paths_within(inner, (*path, step))


class Dumper(yaml.SafeDumper):
    """Writes YAML that `read_yaml` reads back as the same values."""


def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Text as it is where `read_yaml` reads it as the same text, else in quotes."""
    plain = re.fullmatch(r"[^\W\d][\w ./()+-]*", text) is not None and parse_yaml(text, "").value == text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


Dumper.add_representer(str, represent_text)


def to_yaml(experiment: Experiment) -> str:
    """The resolved experiment as a config: every default spelled out, trainable again as it is."""
    plain = experiment.model_dump(mode="json")
    return yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
