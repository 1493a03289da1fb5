"""Overrides of keys of `data` in messages and remarks, in the form in which a user can paste them."""

import json
import re
import shlex

_YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
"""Words that YAML reads as true, false or null."""


def format_override(key: str, value: str | list[str]) -> str:
    """Format an override of a key of `data`, in quotes where a shell or YAML needs quotes."""
    texts = value if isinstance(value, list) else [value]
    is_plain = all(re.fullmatch(r"[^\W\d]\w*|[$€£¥₩,.;|]", text) and text.lower() not in _YAML_WORDS for text in texts)
    flow = ", ".join(texts if is_plain else (json.dumps(text, ensure_ascii=False) for text in texts))
    override = f"data.{key}={f'[{flow}]' if isinstance(value, list) else flow}"
    return override if is_plain and not re.search(r"[;| ]", override) else shlex.quote(override)
