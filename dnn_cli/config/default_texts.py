"""The table of default texts: Keras's defaults of the arguments of each type, as short texts.

`python -m dnn_cli.config.default_texts` writes the table.
"""

import json
from typing import Any

from dnn_cli.config.base import KerasConfig
from dnn_cli.config.layer_base import CODE_MARK, LAYER_CLASSES, find_class_by_type
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.config.value_texts import DEFAULT_TEXTS_PATH, format_config_value, read_default_texts


def build_default_texts() -> dict[str, dict[str, str]]:
    """Build the table: the default texts by type, and by argument. All custom layers have the key `CODE_MARK`."""
    classes: dict[str, type[KerasConfig] | None] = {**LAYER_CLASSES, CODE_MARK: find_class_by_type(CODE_MARK)}
    for table in reversed(CLASSES_BY_KIND.values()):
        classes |= table
    return {
        kind: {key: format_config_value(_get_plain_default(field)) for key, field in cls.model_fields.items()}
        for kind, cls in sorted(classes.items())
        if cls
    }


def _get_plain_default(field: Any) -> Any:
    """Return the default of a field as a plain value, as in a resolved config."""
    default = field.get_default()
    return default.model_dump(mode="json") if isinstance(default, KerasConfig) else default


def _write_default_texts() -> None:
    """Write the table. The text of a part depends on the defaults of its type, so the table is built until it stays."""
    while (table := build_default_texts()) != read_default_texts():
        lines = ",\n".join(f"{json.dumps(kind)}: {json.dumps(texts)}" for kind, texts in table.items())
        DEFAULT_TEXTS_PATH.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
        read_default_texts.cache_clear()


if __name__ == "__main__":
    _write_default_texts()
