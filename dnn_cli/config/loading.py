"""Loading of experiments from config files.

A config file is read and merged with the files it extends. Then overrides are applied, and the result is checked.
"""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from pydantic import ValidationError

from dnn_cli.config import lint
from dnn_cli.config.custom_code import add_source_digests
from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.config.error_messages import to_located_issues
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.overrides import apply_overrides, expand_to_mapping
from dnn_cli.config.registry import canonicalize_names
from dnn_cli.config.validation import find_experiment_issues, find_machine_issues, find_memory_advice
from dnn_cli.config.yaml_reader import MAX_ISSUES, Document, format_key_path, parse_yaml, read_yaml
from dnn_cli.errors import ConfigError, Issue, KeyPath, LocatedIssue, SourceLocation

_logger = logging.getLogger(__name__)

_RUN_CONFIG_NAME = "config.yaml"
"""Name of the config in a run directory."""

_MAX_PARENTS = 20
"""Maximum number of files that a config file extends, directly or through other files."""


@dataclass(frozen=True)
class LoadedExperiment:
    """Experiment with its config file, its overrides and its advice: issues that do not make the config invalid."""

    experiment: Experiment
    file: str
    overrides: tuple[str, ...]
    advice: tuple[LocatedIssue, ...]
    code_directory: str | None = None
    """Directory in which modules of custom layers are searched first; `None` if the user's code must not run."""


def load_experiment(
    file: str, overrides: Sequence[str] = (), *, to_train: bool = False, allow_code: bool | None = None
) -> LoadedExperiment:
    """Return the experiment that a config file and overrides describe.

    Args:
        file: The path of the config file.
        overrides: The overrides, in the order in which they are applied.
        to_train: Also check that this machine can train the experiment.
        allow_code: Whether the modules of custom layers may run: see `build_experiment`.

    Raises:
        ConfigError: the config has issues. The error lists all issues with their locations.
    """
    return build_experiment(read_config(file), file, overrides, to_train=to_train, allow_code=allow_code)


def read_config(file: str) -> Document:
    """Read a config file and merge it with the files that it extends.

    Keras's other names of parts become the names that `dnn` uses: `mse` becomes `mean_squared_error`. A config in a run
    directory keeps the rules by which the run has read the user's files.

    Raises:
        ConfigError: the file cannot be read, or is not a mapping of keys.
    """
    document = _read_with_parents(file)
    _logger.info("config read: %s", file)
    if not isinstance(document.value, dict):
        reason = "is empty" if document.value is None else "is not a mapping of keys"
        raise ConfigError(
            [
                LocatedIssue(
                    SourceLocation(file, 1, 1),
                    "",
                    reason,
                    "write keys with values, for example model: {layers: [Flatten, …]}",
                )
            ]
        )
    if os.path.basename(file) == _RUN_CONFIG_NAME and os.path.exists(os.path.join(os.path.dirname(file), "run.json")):
        _set_first_rules(document)
    return _canonicalize_document(document)


def _set_first_rules(document: Document) -> None:
    """Set `data.rules` to 1 in the config of a run that lacks this key: dnn 0.11.0 or older trained the run.

    The config of another run, and the config of a built-in dataset, stay unchanged.
    """
    data = document.value.get("data") if isinstance(document.value, dict) else None
    if isinstance(data, dict) and data.get("dataset") in USER_DATA_KINDS:
        data.setdefault("rules", 1)


def build_experiment(
    base: Document,
    file: str,
    overrides: Sequence[str] = (),
    *,
    to_train: bool = False,
    allow_code: bool | None = None,
) -> LoadedExperiment:
    """Return the experiment that a document (a config that was read) and overrides describe.

    Args:
        base: The document of the config, before overrides.
        file: The path of the config file. Its name is the default name of the experiment.
        overrides: The overrides, in the order in which they are applied.
        to_train: Also check that this machine can train the experiment.
        allow_code: Whether the modules of custom layers may run. If true, the experiment contains the digests of their
            source files. If false, custom layers are issues. With `None`, the caller runs no code.

    Raises:
        ConfigError: the config has issues. The error lists all issues with their locations.
    """
    document = _canonicalize_document(apply_overrides(base, overrides))
    document.value.setdefault("name", _get_file_stem(file))
    resolve_data_paths(document)
    directory = os.getcwd() if allow_code else None
    if allow_code is not None:
        code_issues = add_source_digests(document.value, directory)
        document = replace(document, issues=(*document.issues, *_locate_by_path(code_issues, document)))
    experiment = _validate_document(document)
    experiment = experiment.model_copy(update={"data": experiment.data.with_decisions()})
    _logger.debug("config valid: %s with %d overrides", file, len(overrides))
    advice = lint.find_advice(experiment)
    if to_train:
        if issues := find_machine_issues(experiment):
            raise ConfigError(_locate_issues(issues, document))
        advice += find_memory_advice(experiment)
    return LoadedExperiment(experiment, file, tuple(overrides), tuple(_locate_issues(advice, document)), directory)


def find_config_location(file: str, overrides: Sequence[str], path: KeyPath) -> SourceLocation:
    """Return the location of a value in a config file with overrides, or of the innermost part around it.

    Raises:
        ConfigError: the file cannot be read, or an override cannot be applied.
    """
    return apply_overrides(read_config(file), overrides).find_location(path)


def _canonicalize_document(document: Document) -> Document:
    """Return a document with the names of parts that `dnn` uses: Keras's name `mse` becomes `mean_squared_error`.

    Later steps find the class of a part by the name that `dnn` uses.
    """
    return replace(document, value=canonicalize_names(document.value))


def _validate_document(document: Document) -> Experiment:
    """Validate a document and return its experiment.

    Raises:
        ConfigError: the document has issues. The error lists all issues.
    """
    issues = [issue for _, issue in document.issues[:MAX_ISSUES]]
    try:
        experiment = Experiment.model_validate(document.value)
    except ValidationError as error:
        issues += to_located_issues(error, document)
        issues += _locate_issues(_find_issues_of_valid_keys(error, document), document)
    else:
        issues += _locate_issues(find_experiment_issues(experiment), document)
    if issues:
        raise ConfigError(
            sorted(issues, key=lambda f: (f.location.source, f.location.line or 0, f.location.column or 0))
        )
    return experiment


def _find_issues_of_valid_keys(error: ValidationError, document: Document) -> list[Issue]:
    """Return issues of `model` and `data` in a document in which other keys are invalid.

    The check replaces invalid keys by their defaults. The list is empty if `model` or `data` is invalid.
    """
    invalid_keys = {detail["loc"][0] for detail in error.errors(include_url=False)}
    if invalid_keys & {"model", "data"} or any(path[:1] in ((), ("model",), ("data",)) for path, _ in document.issues):
        return []
    valid_values = {key: value for key, value in document.value.items() if key not in invalid_keys}
    issues = find_experiment_issues(Experiment.model_validate({**valid_values, "name": "valid"}))
    return [issue for issue in issues if issue.path[0] in ("model", "data")]


def load_resolved_experiment(file: str) -> Experiment:
    """Return the experiment of a run from its resolved config, without a check of the data or of this machine.

    A config without `data.rules` is from dnn 0.11.0 or older. Its files are read by the rules of these versions.

    Raises:
        ConfigError: the file cannot be read, or is not the config of an experiment.
    """
    document = _canonicalize_document(read_yaml(file))
    _set_first_rules(document)
    issues = [issue for _, issue in document.issues[:MAX_ISSUES]]
    try:
        experiment = Experiment.model_validate(document.value)
    except ValidationError as error:
        issues += to_located_issues(error, document)
    if issues:
        raise ConfigError(issues)
    return experiment


def _get_file_stem(file: str) -> str:
    """Return the name of a file without its suffix, as valid text even if the name is not UTF-8."""
    return os.fsencode(os.path.splitext(os.path.basename(file))[0]).decode("utf-8", "replace")


def resolve_data_paths(document: Document) -> None:
    """Make the data paths of a document absolute.

    A path in a file is relative to the directory of the file. A path in an override is relative to the current
    directory.
    """
    data = document.value.get("data")
    for key in ("path", "validation_path", "test_path"):
        if isinstance(data, dict) and isinstance(data.get(key), str) and data[key]:
            location = document.find_location(("data", key))
            directory = os.path.dirname(location.source) if location.line else ""
            data[key] = os.path.abspath(os.path.join(directory, os.path.expanduser(data[key])))


def _locate_issues(issues: Sequence[Issue], document: Document) -> list[LocatedIssue]:
    """Return the issues of an experiment with their locations in its document."""
    return [
        LocatedIssue(document.find_location(r.path), format_key_path(r.path), r.message, r.suggestion) for r in issues
    ]


def _locate_by_path(issues: Sequence[Issue], document: Document) -> list[tuple[KeyPath, LocatedIssue]]:
    """Return issues with their key paths and their locations in a document."""
    located = _locate_issues(issues, document)
    return [(issue.path, item) for issue, item in zip(issues, located, strict=True)]


def _read_with_parents(file: str, children: tuple[str, ...] = ()) -> Document:
    """Read a config file and merge it over the file that its key `extends` names. That file may also have this key.

    Args:
        file: The path of the file.
        children: The real paths of the files that extend this file, directly or through other files.

    Raises:
        ConfigError: a file cannot be read, extends itself, or has too many parents.
    """
    document = read_yaml(file)
    if not isinstance(document.value, dict) or "extends" not in document.value:
        return document
    location = document.locations[("extends",)]
    parent_name = document.value.pop("extends")
    if not isinstance(parent_name, str) or not parent_name:
        raise ConfigError(
            [LocatedIssue(location, "extends", "needs the name of one config file", "for example extends: base.yaml")]
        )
    parent = os.path.join(os.path.dirname(file), parent_name)
    files = (*children, os.path.realpath(file))
    if os.path.realpath(parent) in files:
        raise ConfigError([LocatedIssue(location, "extends", f"forms a cycle: {parent_name} extends this file")])
    if len(files) > _MAX_PARENTS:
        raise ConfigError(
            [
                LocatedIssue(
                    location, "extends", f"is number {len(files)} in a chain of files; the maximum is {_MAX_PARENTS}"
                )
            ]
        )
    if not os.path.exists(parent):
        raise ConfigError(
            [LocatedIssue(location, "extends", f"{parent} does not exist", "write a path relative to this file")]
        )
    parent_document = _read_with_parents(parent, files)
    if not isinstance(parent_document.value, dict):
        raise ConfigError([LocatedIssue(location, "extends", f"{parent_name} is not a mapping of keys")])
    return merge_documents(parent_document, document)


def merge_documents(parent: Document, child: Document) -> Document:
    """Merge a child document over its parent: mappings merge key by key, other values replace those of the parent.

    A value of the child with a type, `sgd` or `{type: sgd, …}`, replaces the whole part. A mapping without a type
    changes arguments of the parent's part.
    """
    locations = dict(parent.locations)

    def merge_values(below: Any, above: Any, path: KeyPath) -> Any:
        if isinstance(below, str) and isinstance(above, dict) and "type" not in above:
            # The child gives arguments to a bare name.
            below = expand_to_mapping(below, path)
        if not (isinstance(below, dict) and isinstance(above, dict)) or "type" in above:
            for inner_path in iter_inner_paths(below, path):
                locations.pop(inner_path, None)
            locations.update({k: child.locations[k] for k in iter_inner_paths(above, path) if k in child.locations})
            locations[path] = child.find_location(path)
            return above
        locations[path] = child.find_location(path)
        for key in above:
            locations.setdefault((*path, key), child.find_location((*path, key)))
        return {**below, **{key: merge_values(below.get(key), value, (*path, key)) for key, value in above.items()}}

    value = merge_values(parent.value, child.value, ())
    return Document(value, locations, (*parent.issues, *child.issues))


def iter_inner_paths(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the key paths of all values within a mapping or a list; `path` is the key path of the mapping or list."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from iter_inner_paths(inner, (*path, step))


class ConfigDumper(yaml.SafeDumper):
    """Writer of YAML from which `read_yaml` reads the same values."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Return the YAML node of a text: without quotes if `parse_yaml` then returns the same text, else in quotes."""
    plain = re.fullmatch(r"[^\W\d][\w ./()+-]*", text) is not None and parse_yaml(text, "").value == text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


ConfigDumper.add_representer(str, _represent_text)


def to_yaml(experiment: Experiment) -> str:
    """Return an experiment as the YAML text of a config with every default. The config can be trained unchanged."""
    plain = experiment.model_dump(mode="json")
    return yaml.dump(plain, Dumper=ConfigDumper, sort_keys=False, allow_unicode=True, width=10_000)
