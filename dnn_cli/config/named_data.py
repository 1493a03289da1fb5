"""The `data` part of a config for a dataset's name or a path on the command line, with overrides of its keys."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from dnn_cli.config.base import ConfigModel
from dnn_cli.config.config_template import resolve_data
from dnn_cli.config.data import Data
from dnn_cli.config.error_messages import to_located_issues
from dnn_cli.config.loading import resolve_data_paths
from dnn_cli.config.overrides import apply_overrides
from dnn_cli.config.yaml_reader import parse_yaml
from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.formats.data_overrides import quote_yaml_value


class _DataOnlyConfig(ConfigModel):
    """Config with nothing but data."""

    data: Data


def build_named_data(name: str, overrides: Sequence[str] = (), **other_keys: Any) -> Data:
    """Build the `data` part of a config for a dataset's name or a path, with overrides such as `data.header=false`.

    The files are not read.

    Args:
        name: The name of a dataset, or a path.
        overrides: The overrides of keys of `data`.
        other_keys: Values of further keys of `data`, such as `target="price"`.

    Raises:
        UsageError: an override changes a key outside of `data`.
        ValidationError: one of the other keys is invalid.
        ConfigError: an override is invalid.
        UserDataError: the directory cannot be read.
    """
    if unrelated := [override for override in overrides if not override.lstrip("~").startswith("data.")]:
        raise UsageError(f"{unrelated[0]} is not a key of data", "without a config, override only keys of data")
    defaults = resolve_data(name, **other_keys).model_dump(mode="json")
    document = apply_overrides(parse_yaml(quote_yaml_value({"data": defaults}), name), overrides)
    resolve_data_paths(document)
    try:
        return _DataOnlyConfig.model_validate(document.value).data
    except ValidationError as error:
        raise ConfigError(to_located_issues(error, document)) from None
