"""Sweep files: a sweep as YAML.

A sweep file has these keys:

- `base`: the base config
- `parameters`: keys and their possible values
- `zip`: keys whose values belong together
- `seeds`: the seeds with which every setting is trained
- `search`: grid, random or bayesian
- `budget`: `trials`, the number of settings to try, and `minutes`, after which no run starts
"""

import os
from typing import Annotated, Any

from annotated_types import Len
from pydantic import Field, ValidationError

from dnn_cli.config.base import ConfigModel, Seed
from dnn_cli.config.identifiers import Name
from dnn_cli.config.overrides import expand_key
from dnn_cli.config.sweep_values import SweepValues, ValuesError, from_yaml_value, suggest_values
from dnn_cli.config.sweeps import SEARCH_TYPES, SearchType, Sweep, add_varied_values
from dnn_cli.config.yaml_reader import Document, format_key_path
from dnn_cli.config.zipped_values import from_yaml_mapping
from dnn_cli.errors import ConfigError, KeyPath, LocatedIssue, suggest_nearest_name

_Trials = Annotated[int, Field(gt=0, le=10_000)]
_Minutes = Annotated[float, Field(gt=0, le=1e6)]


class Budget(ConfigModel):
    """Limits of a sweep: the number of settings to try, and the time."""

    trials: _Trials | None = None
    """Number of settings (values for all keys that vary) that a random or bayesian search tries."""

    minutes: _Minutes | None = None
    """Time in minutes after which no training starts."""


class SearchSettings(ConfigModel):
    """Method by which a sweep chooses settings: values for the keys that vary."""

    type: SearchType
    seed: Seed = 0
    """Seed of the random choices of the search."""


class SweepFile(ConfigModel):
    """Content of a sweep file: base config, keys that vary with their values, seeds, search and budget.

    A sweep file has `parameters`, `zip` or both.
    """

    base: str
    name: Name | None = None
    parameters: Annotated[dict[str, Any], Len(1, 100)] | None = None
    zip: Annotated[dict[str, Any], Len(2, 100)] | None = None
    seeds: Any = None
    search: SearchType | SearchSettings | None = None
    budget: Budget = Budget()


def parse_sweep_file(file: str, document: Document) -> Sweep:
    """Return the sweep that a sweep file describes.

    Raises:
        ConfigError: the file has issues, or the base config does not exist.
    """
    issues = [issue for _, issue in document.issues]
    try:
        sweep_file = SweepFile.model_validate(document.value)
    except ValidationError as error:
        issues += [_locate_sweep_file_issue(detail, document) for detail in error.errors(include_url=False)]
        # Each class of a union reports the same issue.
        raise ConfigError(dict.fromkeys(issues)) from None
    varied: dict[str, SweepValues] = {}
    parameters = sweep_file.parameters or {}
    if not parameters and not sweep_file.zip:
        issues.append(
            LocatedIssue(
                document.find_location(("parameters",)),
                "parameters",
                "is missing",
                "for example parameters: {optimizer: [sgd, adam]}",
            )
        )
    typed_keys = {expand_key(key): key for key in parameters}
    values_by_key = {
        **{expand_key(key): value for key, value in parameters.items()},
        **({} if sweep_file.seeds is None else {"seed": sweep_file.seeds}),
    }
    if sweep_file.seeds is not None and "seed" in parameters:
        issues.append(
            LocatedIssue(
                document.find_location(("parameters", "seed")),
                "parameters.seed",
                "is also set by seeds",
                "keep one of the two",
            )
        )
    for key, value in values_by_key.items():
        path: KeyPath = (
            ("seeds",) if key == "seed" and sweep_file.seeds is not None else ("parameters", typed_keys[key])
        )
        if isinstance(value, str) and (suggested_values := suggest_values(key, value, alone=True)):
            issues.append(
                LocatedIssue(
                    document.find_location(path),
                    format_key_path(path),
                    f"{value} is one value",
                    f"write {suggested_values}",
                )
            )
            continue
        try:
            varied[key] = from_yaml_value(value)
        except ValuesError as error:
            issues.append(LocatedIssue(document.find_location(path), format_key_path(path), str(error)))
    zipped = None
    try:
        zipped = from_yaml_mapping(sweep_file.zip or {})
    except ValuesError as error:
        issues.append(LocatedIssue(document.find_location(("zip",)), "zip", str(error)))
    for key in sweep_file.zip or {}:
        if expand_key(key) in values_by_key and key != "seed":
            issues.append(
                LocatedIssue(document.find_location(("zip", key)), f"zip.{key}", "is also a key of parameters")
            )
    if issues:
        raise ConfigError(issues)
    locations = {
        expand_key(key): document.find_location((part, key))
        for part, keys in (("parameters", parameters), ("zip", sweep_file.zip or {}))
        for key in keys
    }
    base = os.path.join(os.path.dirname(file), sweep_file.base)
    if not os.path.exists(base):
        raise ConfigError(
            [
                LocatedIssue(
                    document.find_location(("base",)),
                    "base",
                    f"{base} does not exist",
                    "write a path relative to this file",
                )
            ]
        )
    search = (
        SearchSettings(type=sweep_file.search)
        if isinstance(sweep_file.search, str)
        else sweep_file.search or SearchSettings(type="grid")
    )
    sweep = Sweep(
        base,
        sweep_file.name,
        (),
        {},
        (),
        search.type,
        search.seed,
        sweep_file.budget.trials,
        sweep_file.budget.minutes,
        locations,
        zipped=zipped,
    )
    return add_varied_values(sweep, varied)


def _locate_sweep_file_issue(detail: Any, document: Document) -> LocatedIssue:
    """Return an error from pydantic as an issue with its location in the sweep file."""
    path = tuple(
        step for step in detail["loc"] if step not in ("SearchSettings", "literal['grid','random','bayesian']")
    )
    fields = Budget.model_fields if path[0] == "budget" else SweepFile.model_fields
    message, suggestion = detail["msg"].removeprefix("Value error, "), ""
    if detail["type"] == "extra_forbidden":
        message, suggestion = (
            "is not a key of a sweep",
            suggest_nearest_name(str(path[-1]), fields) or f"the keys are {', '.join(fields)}",
        )
    elif detail["type"] == "missing":
        message, suggestion = (
            "is missing",
            "",
        )
    elif path == ("zip",) and detail["type"] == "too_short":
        message = "needs two keys or more, with equally many values"
    elif path[0] == "search":
        message, suggestion = "is not a search method", f"use one of {', '.join(SEARCH_TYPES)}"
    return LocatedIssue(document.find_location(path), format_key_path(path), message, suggestion)
