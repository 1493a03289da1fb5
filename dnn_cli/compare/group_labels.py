"""Labels of groups: the settings that distinguish a group from the others, or the name of its runs."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from dnn_cli.compare.group import Group
from dnn_cli.config.config_diff import shorten_keys

_MAX_LABEL_LENGTH = 40
"""Largest number of characters of a label made of settings. A group with longer settings is labelled with its name."""


def label_groups(groups: Sequence[Group]) -> dict[int, str]:
    """Return the label of every group, by `id(group)`.

    A label consists of the settings that distinguish the group. If these settings are too long or absent, the label is
    the name of the group's runs. Labels are unique: if several groups have equal labels, the id of a run follows.
    """
    names = Counter(group.name for group in groups)
    values: dict[str, set[str | None]] = {key: set() for group in groups for key in group.settings}
    for key, texts in values.items():
        texts.update(group.settings.get(key) for group in groups)
    differing = {key for key, texts in values.items() if len(texts) > 1}
    labels = {id(group): _label_group(group, differing, names[group.name]) for group in groups}
    shared = Counter(labels.values())
    return {
        id(group): f"{labels[id(group)]} {group.run_scores[0].record.id}"
        if shared[labels[id(group)]] > 1 and group.run_scores
        else labels[id(group)]
        for group in groups
    }


def _label_group(group: Group, differing: Collection[str], namesakes: int) -> str:
    """Return the label of a group. Several groups can have equal labels.

    Args:
        group: The group.
        differing: The keys whose values differ between groups.
        namesakes: The number of groups that have the same name, including the group itself.
    """
    settings = {key: text for key, text in group.settings.items() if key in differing} or group.settings
    if not settings:
        return group.name
    if ", ".join(group.settings.values()) == group.name and len(group.settings) > 1:
        return group.name
    text = _format_group_settings(settings)
    if len(text) <= _MAX_LABEL_LENGTH or ", ".join(group.settings.values()) == group.name:
        return text
    return group.name if namesakes == 1 else f"{group.name} ({text})"


def _format_group_settings(settings: Mapping[str, str]) -> str:
    """Return settings as one line, such as `learning_rate 0.01, batch_size 32`.

    A single text value such as `adam` is returned without its key.
    """
    if len(settings) == 1 and not _needs_key(next(iter(settings.values()))):
        return next(iter(settings.values()))
    return ", ".join(f"{key} {text}" for key, text in zip(shorten_keys(list(settings)), settings.values(), strict=True))


def _needs_key(value: str) -> bool:
    """Return whether a value needs its key to be understood: a number, a Boolean, or a missing value."""
    return value[:1].isdigit() or value[:1] in "-+.–" or value in ("true", "false", "none")
