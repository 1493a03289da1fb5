"""The labels of groups: what distinguishes a group from the others."""

from collections import Counter
from collections.abc import Mapping, Sequence

from dnn_cli.compare.grouping import Group
from dnn_cli.spec.differences import short_keys

MAX_SETTINGS_LABEL = 40
"""Characters of the longest label made of settings; a group with longer settings is labelled with its name."""


def label_groups(groups: Sequence[Group]) -> dict[int, str]:
    """Return the labels of groups, by the identity of the group: what distinguishes a group from the others.

    A name that runs happen to have is used only where the settings are too long for a label.
    """
    names = Counter(group.name for group in groups)
    found = {}
    for group in groups:
        text = format_settings(distinguishing(group, groups))
        if ", ".join(group.settings.values()) == group.name or not group.settings:
            found[id(group)] = group.name if len(group.settings) != 1 else text
        elif len(text) <= MAX_SETTINGS_LABEL:
            found[id(group)] = text
        else:
            found[id(group)] = group.name if names[group.name] == 1 else f"{group.name} ({text})"
    return found


def distinguishing(group: Group, groups: Sequence[Group]) -> Mapping[str, str]:
    """Return the settings that differ between groups; all settings where none differs."""
    differing = {
        key: text for key, text in group.settings.items() if any(other.settings.get(key) != text for other in groups)
    }
    return differing or group.settings


def format_settings(settings: Mapping[str, str]) -> str:
    """Return settings in one line; a single setting in words needs no key, as `adam`."""
    if len(settings) == 1 and not needs_key(next(iter(settings.values()))):
        return next(iter(settings.values()))
    return ", ".join(f"{key} {text}" for key, text in zip(short_keys(list(settings)), settings.values(), strict=True))


def needs_key(value: str) -> bool:
    """Return whether a value says nothing without its key: a number, a truth value, or nothing at all."""
    return value[:1].isdigit() or value[:1] in "-+.–" or value in ("true", "false", "none")
