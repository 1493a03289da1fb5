"""Values that belong together in a sweep: zipped keys have their first values in one setting, and so on.

`--zip batch_size=32,64 --zip optimizer.learning_rate=0.001,0.002` gives two settings, where a grid gives four. A sweep
file has the same keys below `zip`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dnn_cli.config.overrides import expand_key, partition_override
from dnn_cli.config.sweep_values import ValuesError, list_yaml_texts, parse_texts, suggest_values
from dnn_cli.errors import UsageError

_EXAMPLE = "for example --zip batch_size=32,64 --zip learning_rate=0.001,0.002"


@dataclass(frozen=True)
class ZippedValues:
    """Keys whose values belong together, and the rows of their values."""

    keys: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Value of each key, as text, in each setting. The rows differ."""

    def list_settings(self) -> list[dict[str, str]]:
        """Return the value of each key, by key, for each row."""
        return [dict(zip(self.keys, row, strict=True)) for row in self.rows]

    def find_row(self, setting: Mapping[str, str]) -> int | None:
        """Return the number of the row whose values a setting has; `None` without such a row."""
        row = tuple(setting.get(key, "") for key in self.keys)
        return self.rows.index(row) if row in self.rows else None

    def remove_keys(self, keys: Collection[str]) -> "ZippedValues | None":
        """Return the zipped values without some keys; `None` if no key is left."""
        return _build_zipped_values(
            {key: [row[column] for row in self.rows] for column, key in enumerate(self.keys) if key not in keys}
        )

    def __str__(self) -> str:
        return f"{', '.join(self.keys)} ({len(self.rows)} zipped values)"


def parse_zip_options(options: Sequence[str]) -> ZippedValues | None:
    """Return the zipped values of the options `--zip`, such as `batch_size=32,64`; `None` without options.

    Raises:
        UsageError: an option is not a key with several values, or the keys have different numbers of values.
    """
    columns: dict[str, list[str]] = {}
    for option in options:
        short_key, equals, text = partition_override(option)
        key = expand_key(short_key)
        if not equals or not key:
            raise UsageError(f"--zip {option}: is not KEY=VALUES", _EXAMPLE)
        if key in columns:
            raise UsageError(f"--zip {option}: {key} is zipped twice", "write --zip once for each key, with all values")
        if suggested_values := suggest_values(key, text, alone=True):
            raise UsageError(f"--zip {option}: is one value", f"write --zip '{key}={suggested_values}'")
        try:
            columns[key] = parse_texts(text)
        except ValuesError as error:
            raise UsageError(f"--zip {option}: {error}", _EXAMPLE) from None
    if len(columns) == 1:
        raise UsageError(
            f"--zip {options[0]}: is the only zipped key",
            f"write --zip before each key that belongs to it, or {options[0]} without --zip",
        )
    try:
        return _build_zipped_values(columns)
    except ValuesError as error:
        raise UsageError(f"--zip: {error}", _EXAMPLE) from None


def from_yaml_mapping(mapping: Mapping[str, Any]) -> ZippedValues | None:
    """Return the zipped values of the key `zip` of a sweep file; `None` for an empty mapping.

    Raises:
        ValuesError: a key has a range to draw from, or the keys have different numbers of values.
    """
    return _build_zipped_values({expand_key(key): list_yaml_texts(value) for key, value in mapping.items()})


def _build_zipped_values(columns: Mapping[str, Sequence[str]]) -> ZippedValues | None:
    """Return zipped values from the values of each key; `None` without keys.

    Raises:
        ValuesError: the keys have different numbers of values or one value each, or a key cannot be zipped.
    """
    if "seed" in columns:
        raise ValuesError("seed cannot be zipped, because every setting is trained with every seed")
    counts = {key: len(texts) for key, texts in columns.items()}
    if len(set(counts.values())) > 1:
        numbers = ", ".join(f"{key} has {count}" for key, count in counts.items())
        raise ValuesError(f"zipped keys need equally many values, but {numbers}")
    if set(counts.values()) == {1}:
        raise ValuesError(f"{' and '.join(columns)} have one value each")
    rows = tuple(dict.fromkeys(zip(*columns.values(), strict=True)))
    return ZippedValues(tuple(columns), rows) if columns else None
