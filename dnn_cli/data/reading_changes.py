"""Differences between the rules by which a user's files are read now, and the rules of dnn 0.11.0 and older."""

from collections.abc import Iterator

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.data_remarks import list_data_remarks
from dnn_cli.data.examples import Examples
from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import CURRENT_RULES, Remark

_MAX_NAMED_CLASSES = 5


def list_check_remarks(data: Data, examples: Examples) -> list[Remark]:
    """Return the remarks that a check shows: those of a training, and a remark about older versions."""
    return [*list_data_remarks(data, examples), *filter(None, [_find_reading_change(data)])]


def _find_reading_change(data: Data) -> Remark | None:
    """Return a remark if dnn 0.11.0 has read the arrays or images differently; `None` if it has read them alike.

    The remark is also `None` for tables, because they would be parsed a second time, and for files that dnn 0.11.0
    refused.

    Args:
        data: The data of a config, with all decisions about its files.
    """
    if data.dataset not in ("npz", "image_folder") or data.reading_rules < CURRENT_RULES:
        return None
    earlier = data.model_copy(update={**dict.fromkeys(data.info.decisions), "rules": 1})
    earlier.__dict__.pop("info", None)
    try:
        differences = list(_iter_differences(earlier.info, data.info))
    except UserDataError:
        return None
    if not differences:
        return None
    return Remark(f"dnn 0.11.0 and older read these files differently: {', '.join(differences)}", "data.rules=1")


def _iter_differences(earlier: DatasetInfo, current: DatasetInfo) -> Iterator[str]:
    """Yield a phrase for each property that differs, with its value under the earlier rules."""
    if earlier.pixel_max != current.pixel_max:
        yield f"inputs divided by {earlier.pixel_max:g}"
    if earlier.classes != current.classes:
        names = ", ".join(earlier.classes[:_MAX_NAMED_CLASSES])
        more = ", …" if len(earlier.classes) > _MAX_NAMED_CLASSES else ""
        yield f"the classes {names}{more}" if earlier.classes else "a regression"
    if earlier.examples - earlier.validation_examples != current.examples - current.validation_examples:
        yield f"{earlier.examples - earlier.validation_examples:,} training examples"
    for name in ("validation", "test"):
        count = getattr(earlier, f"{name}_examples")
        if count != getattr(current, f"{name}_examples"):
            yield f"{count:,} {name} examples" if count else f"no {name} set"
    if earlier.input_shape != current.input_shape:
        yield f"inputs of the shape {earlier.input_shape}"
