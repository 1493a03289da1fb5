"""The facts of the user's own data, told by the files themselves without reading all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from dnn_cli.errors import OwnDataError
from dnn_cli.formats.contents import Contents, Part
from dnn_cli.spec.datasets import Facts

if TYPE_CHECKING:
    from dnn_cli.spec.data import Data


ASKED: ContextVar[dict[str, Facts] | None] = ContextVar("asked", default=None)


@contextmanager
def asked_once() -> Iterator[None]:
    """As long as the block lasts, the files of the same data are asked only once what they hold."""
    token = ASKED.set({})
    try:
        yield
    finally:
        ASKED.reset(token)


def own_facts(data: "Data") -> Facts:
    """What the files that `data` names hold.

    Raises:
        OwnDataError: one is missing or is not what it should be.
    """
    known = ASKED.get()
    if known is None:
        return read_facts(data)
    key = data.model_dump_json()
    if key not in known:
        known[key] = read_facts(data)
    return known[key]


def read_facts(data: "Data") -> Facts:
    """The same, read from the files now.

    Raises:
        OwnDataError: one is missing or is not what it should be.
    """
    train = inspect(data, "train")
    if train is None:
        raise OwnDataError(f"{data.path} holds no examples")
    validation, test = beside(data, "validation", train), beside(data, "test", train)
    return Facts(
        input_shape=train.input_shape,
        classes=train.classes,
        targets=train.targets,
        pixel_max=train.pixel_max,
        target=train.target,
        features=train.features,
        examples=train.examples + (validation.examples if validation else 0),
        validation_examples=validation.examples if validation else 0,
        test_examples=test.examples if test else 0,
    )


def inspect(data: "Data", part: Part, train: Contents | None = None) -> Contents | None:
    """What one part of the data holds; `None` where there is no such part."""
    classes = train.classes if train is not None else None
    path = {"train": data.path, "validation": data.validation_path, "test": data.test_path}[part]
    if data.dataset == "npz":
        from dnn_cli.formats.npz import inspect_npz

        return inspect_npz(str(data.path), data.task or "auto", part)
    if path is None:
        return None
    if data.dataset == "csv":
        from dnn_cli.formats.csv_table import inspect_csv

        target = data.target or (train.target if train is not None else None)
        return inspect_csv(path, target, data.task or "auto", classes, data.ignore or ())
    from dnn_cli.formats.image_folder import inspect_images

    return inspect_images(path, data.image_size, data.color_mode or "rgb", classes)


def beside(data: "Data", part: Part, train: Contents) -> Contents | None:
    """What a validation or test set holds, if there is one."""
    try:
        other = inspect(data, part, train)
        if other is not None:
            check_alike(part, other, train)
    except OwnDataError as error:
        key = f"{part}_path" if data.dataset != "npz" and error.key == "path" else error.key
        raise OwnDataError(error.message, error.hint, key) from None
    return other


def check_alike(part: str, other: Contents, train: Contents) -> None:
    """Refuse a validation or test set of another kind than the training examples."""
    if other.pixel_max != train.pixel_max:
        kinds = ["uint8 pixels" if one.pixel_max > 1 else "other numbers" for one in (other, train)]
        raise OwnDataError(f"the {part} inputs are {kinds[0]}, and the training inputs {kinds[1]}", "save both alike")
    if other.targets != train.targets:
        numbers = f"{other.targets} numbers to predict, and the training examples {train.targets}"
        raise OwnDataError(f"the {part} examples have {numbers}")
    if other.input_shape != train.input_shape:
        shapes = f"{other.input_shape} where the training examples have {train.input_shape}"
        raise OwnDataError(f"the {part} examples have the shape {shapes}")
    if other.features != train.features:
        columns = f"{', '.join(other.features)} where the training examples have {', '.join(train.features)}"
        raise OwnDataError(f"the {part} examples have the columns {columns}", "the same columns in the same order")
