"""What can be typed next of an override: the keys of a config a step at a time, and the values of those that have few.

Nothing is validated, so that a config that is being written, with faults in it, has keys as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from dnn_cli.spec.base import Part
from dnn_cli.spec.block import Block
from dnn_cli.spec.catalog import KINDS, short
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.flat import layer_names


class Suggestion(NamedTuple):
    """A word, and what it means."""

    text: str
    meaning: str = ""


class Place(NamedTuple):
    """A place in a config: what can stand there, and what does."""

    annotation: Any
    value: Any


def suggestions(config: Any, word: str) -> list[Suggestion]:
    """What an override that is begun may become: `optimizer.t` is `optimizer.type=`.

    Args:
        config: The plain values of a config file, whatever they are.
        word: As far as it is typed; with `=` in it, its value is looked for, after the last comma of several.
    """
    removes = word.startswith("~")
    key, equals, typed = word.removeprefix("~").partition("=")
    *steps, last = key.split(".")
    if steps[:1] == ["layers"] or (equals and last == "layers" and not steps):
        steps = ["model", *steps]
        shown = key.rpartition(".")[0]
    else:
        shown = ".".join(steps)
    here = reach(Place(Experiment, config), steps)
    if here is None:
        return []
    lead = "~" if removes else ""
    if equals:
        if removes:
            return []
        before, comma, _ = typed.rpartition(",")
        return [Suggestion(f"{key}={before}{comma}{text}", meaning) for text, meaning in values(here, last)]
    stem = f"{lead}{shown}." if shown else lead
    found = [Suggestion(f"{stem}{text}", meaning) for text, meaning in keys(here, removes=removes)]
    return found if steps else [*found, Suggestion(f"{lead}layers.", "the layers of the model")]


def reach(place: Place, steps: Sequence[str]) -> Place | None:
    """The place at the end of some steps; `None` where there is none."""
    here: Place | None = place
    for step in steps:
        here = None if here is None else below(here).get(step)
    return here


def keys(here: Place, *, removes: bool) -> Iterator[Suggestion]:
    """What can be named at a place: `name=` to set it, `name.` where there is more below."""
    for name, inner in below(here).items():
        now = "" if inner.value is None else short(inner.value)[:60]
        if removes:
            if inner.value is not None:
                yield Suggestion(name, now)
            continue
        is_layer = isinstance(here.value, list)
        if not is_layer and not (plain_part(inner) and name != "type"):
            yield Suggestion(f"{name}=", now)
        if below(inner):
            yield Suggestion(f"{name}.", now)


def values(here: Place, name: str) -> list[Suggestion]:
    """The values that a key can have, where they are few words."""
    if name == "type":
        return list(words(here.annotation))
    place = below(here).get(name)
    return [] if place is None else list(words(place.annotation))


def below(here: Place) -> dict[str, Place]:
    """The places within a place, by their keys."""
    if isinstance(here.value, list):
        layers = [layer if isinstance(layer, dict) else {"type": str(layer)} for layer in here.value]
        return {name: Place(layer_class(layer), layer) for name, layer in zip(layer_names(layers), layers, strict=True)}
    cls = class_at(here)
    if cls is None:
        return {}
    given = here.value if isinstance(here.value, Mapping) else {}
    return {
        name: Place(field.annotation, given.get(name, getattr(field.get_default(), "type", None)))
        for name, field in cls.model_fields.items()
        if not field.exclude
    }


def class_at(here: Place) -> type[Part] | None:
    """The class of the part at a place: the one that is written there, else the only one that can be."""
    choices = list(classes(here.annotation))
    kind = here.value.get("type") if isinstance(here.value, Mapping) else here.value
    for cls in choices:
        if kind is not None and "type" in cls.model_fields and cls.model_fields["type"].default == kind:
            return cls
    return choices[0] if len(choices) == 1 else None


def layer_class(layer: Mapping[str, Any]) -> Any:
    """The class of a layer of a config; nothing where there is none of its type."""
    return Block if "repeat" in layer else KINDS["layer"].get(str(layer.get("type")))


def plain_part(place: Place) -> bool:
    """Whether a place holds a part that no name stands for, as `data`."""
    found = list(classes(place.annotation))
    return bool(found) and all("type" not in cls.model_fields for cls in found)


def classes(annotation: Any) -> Iterator[type[Part]]:
    """The classes of parts that an annotation allows; not those within lists."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType):
        for choice in get_args(annotation):
            yield from classes(choice)
    elif get_origin(annotation) is Annotated:
        yield from classes(get_args(annotation)[0])


def words(annotation: Any) -> Iterator[Suggestion]:
    """The words that an annotation allows: names of classes, of choices, true and false."""
    origin = get_origin(annotation)
    if origin is Literal:
        yield from (Suggestion(str(choice)) for choice in get_args(annotation))
    elif annotation is bool:
        yield from (Suggestion("true"), Suggestion("false"))
    elif origin in (Union, UnionType):
        for choice in get_args(annotation):
            yield from words(choice)
    elif origin is Annotated:
        yield from words(get_args(annotation)[0])
    elif isinstance(annotation, type) and issubclass(annotation, Part) and "type" in annotation.model_fields:
        yield Suggestion(str(annotation.model_fields["type"].default), (annotation.__doc__ or "").partition("\n")[0])
