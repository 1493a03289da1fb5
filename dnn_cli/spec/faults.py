"""Validation errors → faults: where in the file, in words, with the nearest right name."""

import re
from typing import Any

from pydantic import ValidationError

from dnn_cli.errors import Fault, nearest
from dnn_cli.spec.base import Part
from dnn_cli.spec.block import Block
from dnn_cli.spec.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from dnn_cli.spec.catalog import KINDS, NAMES, kind_at
from dnn_cli.spec.data import Data
from dnn_cli.spec.experiment import Experiment, Model
from dnn_cli.spec.keras_hints import LIST, flow, key_hint, name_hint, typed_hint, value_hint
from dnn_cli.spec.optimizers import DEFAULT
from dnn_cli.spec.yaml_file import MAX_FAULTS, Document, KeyPath, key_text

WORDS = {
    "int_type": "needs a whole number",
    "float_type": "needs a number",
    "bool_type": "needs true or false",
    "string_type": "needs text",
    "tuple_type": "needs a list",
    "model_type": "needs a mapping of keys",
    "model_attributes_type": "needs a mapping of keys",
    "dict_type": "needs a mapping of keys",
    "finite_number": "needs a finite number",
}
TOP: dict[KeyPath, type[Part]] = {
    ("data",): Data,
    ("model",): Model,
    ("early_stopping",): EarlyStopping,
    ("reduce_lr_on_plateau",): ReduceLROnPlateau,
    ("model_checkpoint",): ModelCheckpoint,
}
"""The parts that are known by their place alone."""

BOUNDS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}


def faults_of(error: ValidationError, document: Document) -> list[Fault]:
    """Every fault that validation found, at its place in the document."""
    broken = {path for path, _ in document.faults}
    found: dict[KeyPath, Fault] = {}
    for detail in error.errors(include_url=False)[:MAX_FAULTS]:
        path = plain_path(detail["loc"], document.value, missing=detail["type"] == "missing")
        if path in broken or path in found:
            continue
        if detail["type"] == "too_short" and detail["ctx"]["actual_length"] < len(at(document.value, path)):
            continue  # items with faults of their own are not counted
        if detail["type"] == "missing" and hidden(path, document.value):
            continue
        typed = document.place(path).line is None
        message, suggestion = words(detail, path, document.value, typed=typed)
        named = (*path, "type") if detail["type"] == "union_tag_invalid" else path
        found[path] = Fault(document.place(named), key_text(path), message, suggestion)
    return list(found.values())


def plain_path(location: tuple[int | str, ...], root: Any, *, missing: bool) -> KeyPath:
    """Pydantic's path less the steps that tell apart the classes of a union."""
    path: list[int | str] = []
    here, tagged = root, False
    for step in location:
        if isinstance(here, dict) and here.get("type") == step and not tagged:
            tagged = True  # the class of a union, even where a key is called the same
        elif (isinstance(here, dict) and step in here) or (isinstance(here, list) and isinstance(step, int)):
            path.append(step)
            here, tagged = at(here, (step,)), False
    return (*path, location[-1]) if missing else tuple(path)


def at(value: Any, path: KeyPath) -> Any:
    """The value at a path; `None` where there is none."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def shown(value: Any) -> str:
    """A value as it is quoted in a message."""
    text = {True: "true", False: "false", None: "nothing"}.get(value) if isinstance(value, bool | None) else None
    text = text or (f"the text '{value}'" if isinstance(value, str) else str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


def hidden(path: KeyPath, root: Any) -> bool:
    """Return whether a key is missing because Keras's way to write it stands in its place, which is a fault already."""
    instead: dict[KeyPath, tuple[str, ...]] = {
        ("model",): ("layers", "Sequential"),
        ("model", "layers"): ("Sequential",),
    }
    return any(name in (at(root, path[:-1]) or ()) for name in instead.get(path, ()))


def words(detail: Any, path: KeyPath, root: Any, *, typed: bool) -> tuple[str, str]:
    """What is wrong and what would be right."""
    kind, context, value = detail["type"], detail.get("ctx", {}), at(root, path)
    if kind == "missing":
        return "is missing", ""
    if kind == "extra_forbidden":
        return unknown_key(path, root, typed=typed)
    if kind in ("union_tag_invalid", "literal_error"):
        expected = context.get("expected_tags") or context["expected"]
        if path in (("jit",), ("diagnostics",)):
            return f"needs true, false or auto, not {shown(value)}", retyped("bool_type", value)
        name = value["type"] if kind == "union_tag_invalid" and isinstance(value, dict) else value
        return unknown_name(name, kind_at(path), re.findall(r"'([^']+)'", expected))
    if kind == "union_tag_not_found":
        return "needs a type", typed_hint(value, kind_at(path)) or f"one of {', '.join(NAMES.get(kind_at(path), ()))}"
    if kind in BOUNDS:
        bound = next(number for key, number in context.items() if key in ("gt", "ge", "lt", "le"))
        limit = f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
        return f"needs a number {BOUNDS[kind]} {limit}, not {shown(value)}", ""
    if kind in WORDS:
        if path == ("model",) and kind in ("model_type", "model_attributes_type"):
            return f"{WORDS[kind]}, not {shown(value)}", LIST
        return f"{WORDS[kind]}, not {shown(value)}", value_hint(value, path, typed=typed) or retyped(kind, value)
    if kind in ("too_short", "too_long"):
        counts = (context.get("min_length"), context.get("max_length"))
        held = context["actual_length"]
        return f"holds {held} {'entry' if held == 1 else 'entries'}", f"at {'least' if counts[0] else 'most'} " + str(
            counts[0] or counts[1]
        )
    if kind.startswith("string_too"):
        return f"has {len(value)} characters", f"at most {context.get('max_length', 1)}" if "long" in kind else ""
    return detail["msg"], ""


def retyped(kind: str, value: Any) -> str:
    """What was probably meant by a value of the wrong type."""
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"did you mean {int(value)}?"
    if kind == "int_type" and isinstance(value, str) and re.fullmatch(r"[0-9_]{1,18}", value) and value.strip("_"):
        return f"did you mean {int(value.replace('_', ''))}?"
    if kind == "tuple_type" and isinstance(value, str):
        return f"did you mean [{value}]?"
    if kind == "tuple_type" and isinstance(value, dict) and "type" in value:
        return f"did you mean [{flow(value)}]?"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "on", "no", "off", "y", "n"):
        return f"did you mean {'true' if value.lower() in ('yes', 'on', 'y') else 'false'}?"
    return ""


def unknown_name(name: Any, kind: str, expected: list[str]) -> tuple[str, str]:
    """A name that its kind does not have: the nearest, or the kind it belongs to."""
    if not isinstance(name, str):
        return f"needs a name, not {shown(name)}", f"one of {', '.join(expected)}"
    others = [other for other, names in NAMES.items() if other != kind and name.lower() in (n.lower() for n in names)]
    label = kind if kind in NAMES else "choice"
    message = f"{shown(name).removeprefix('the text ')} is no {label}"
    if known := name_hint(name, kind):
        return message, known
    if others and kind == "layer" and others[0] == "activation":
        return message, f"it is an activation: write {{type: Activation, activation: {name.lower()}}}"
    if close := abbreviated(name, expected) or nearest(name, expected):
        return message, close
    if others:
        article = "an" if others[0][0] in "aeio" else "a"
        return message, f"it is {article} {others[0]}"
    return message, f"one of {', '.join(expected)}"


def abbreviated(name: str, expected: list[str]) -> str:
    """`did you mean …?` for what a name is the beginning or the initials of."""
    short = name.lower()
    full = [one for one in expected if one.startswith(f"{short}_") or "".join(w[0] for w in one.split("_")) == short]
    if len(name) < 2 or not full:
        return ""
    return f"did you mean {full[0]}?" if len(full) == 1 else f"one of {', '.join(full)}"


def unknown_key(path: KeyPath, root: Any, *, typed: bool) -> tuple[str, str]:
    """A key that its mapping does not take: the nearest one, or who takes it."""
    key, parent = str(path[-1]), path[:-1]
    part = part_at(parent, root)
    name = part.model_fields["type"].default if part and "type" in part.model_fields else ""
    if path == ("extends",):
        return "stands in a file only", "as its first key"
    place = str(parent[-1]) if parent in TOP else "a config"
    message = f"is not an argument of {name}" if name else f"is not a key of {place}"
    fields = [name for name, field in part.model_fields.items() if name != "type" and not field.exclude] if part else []
    owner = place if parent in TOP else kind_at(parent)
    written = at(root, parent) if key in ("class_name", "config") else {key: at(root, path)}
    if known := typed_hint(written, kind_at(parent)):
        return message, known
    if known := key_hint(key, owner, root, at(root, path), typed=typed):
        return message, known
    owners = [other for other, cls in KINDS.get(kind_at(parent), {}).items() if key in cls.model_fields]
    if owners:
        return message, f"{', '.join(owners)} {'have' if len(owners) > 1 else 'has'} it"
    if close := nearest({"lr": "learning_rate"}.get(key, key), fields):
        return message, close
    return message, f"{'it takes' if name else 'keys are'} {', '.join(fields)}" if fields else ""


def part_at(path: KeyPath, root: Any) -> type[Part] | None:
    """The class that a mapping at a path is read as."""
    if not path:
        return Experiment
    if path in TOP:
        return TOP[path]
    kind, value = kind_at(path), at(root, path)
    if kind == "layer" and "repeat" in value:
        return Block
    name = value.get("type", DEFAULT if kind == "optimizer" else None)
    return KINDS.get(kind, {}).get(name)
