"""Thumbnails (small images) of the examples that `dnn report` shows, for runs whose data can be read."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dnn_cli.errors import ConfigError, DataError

if TYPE_CHECKING:
    from dnn_cli.config.data import Data
    from dnn_cli.data.examples import Examples
    from dnn_cli.report.html.run_page import RunPage
    from dnn_cli.report.html.thumbnails import Thumbnail
    from dnn_cli.runs.run_info import RunInfo

_MAX_THUMBNAILS_LENGTH = 1_000_000
"""Approximate total length of the thumbnails of a report, in characters of their data URIs."""

_Thumbnails = dict[tuple[str, int], "Thumbnail"]


def build_thumbnails(pages: "Iterable[RunPage]", runs: "Sequence[RunInfo]") -> tuple[_Thumbnails, dict[str, str]]:
    """Return thumbnails of the examples that pages of a report show, and the reasons for missing thumbnails.

    Args:
        pages: The pages of the report. Each page shows examples of one run.
        runs: The runs of all pages.

    Returns:
        A dictionary of thumbnails, by the fingerprint of a run's data and the index of an example. A dictionary of the
        reasons why thumbnails are missing, by fingerprint.
    """
    from dnn_cli.data.run_context import load_local_examples
    from dnn_cli.report.html.predictions_section import list_example_indices

    indices_by_fingerprint: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for page in pages:
        for rank, index in enumerate(list_example_indices(page.predictions)):
            indices_by_fingerprint[page.fingerprint].append((rank, index))
    thumbnails: _Thumbnails = {}
    missing_reasons: dict[str, str] = {}
    for fingerprint, ranked in indices_by_fingerprint.items():
        run_info = next(
            candidate
            for candidate in runs
            if candidate.record and candidate.record.data.get("fingerprint") == fingerprint
        )
        try:
            data, examples = load_local_examples(run_info.run)
        except (DataError, ConfigError) as error:
            missing_reasons[fingerprint] = f"their data cannot be read ({error.message.splitlines()[0]})"
            continue
        if examples.compute_fingerprint() == fingerprint:
            # The worst mistake of every run comes first, then the second worst of every run, and so on.
            ordered_indices = [index for _, index in sorted(ranked)]
            thumbnails |= _draw_thumbnails(
                fingerprint, ordered_indices, data, examples, _MAX_THUMBNAILS_LENGTH // len(indices_by_fingerprint)
            )
        else:
            missing_reasons[fingerprint] = "their data has changed since the training"
    return thumbnails, missing_reasons


def _draw_thumbnails(
    fingerprint: str, indices: Sequence[int], data: "Data", examples: "Examples", remaining_length: int
) -> _Thumbnails:
    """Draw examples as thumbnails until the total length of the thumbnails exceeds a limit.

    Args:
        fingerprint: The fingerprint of the data, for the keys of the result.
        indices: The indices of the examples, the most important first. An example that several runs show is repeated,
            and its length counts each time.
        data: The data section of a config.
        examples: The examples of this data.
        remaining_length: The limit of the total length, in characters of data URIs.
    """
    thumbnails: _Thumbnails = {}
    for index in indices:
        if not 0 <= index < len(examples):
            continue
        key = fingerprint, index
        if key not in thumbnails:
            thumbnails[key] = _build_thumbnail(data, examples, index)
        remaining_length -= len(thumbnails[key].uri)
        if remaining_length < 0:
            break
    return thumbnails


def _build_thumbnail(data: "Data", examples: "Examples", index: int) -> "Thumbnail":
    """Build the thumbnail of an example: an image, or the numbers and texts of a row."""
    from dnn_cli.formats.cell_texts import format_cells
    from dnn_cli.report.html.thumbnails import build_text_thumbnail, build_thumbnail

    if examples.categories:
        texts = format_cells(data.info.columns, examples.inputs[index], examples.categories)
        return build_text_thumbnail(data.info.input_columns, [text or "missing" for text in texts])
    return build_thumbnail(examples.inputs[index], _get_white_value(examples, data), data.info.features)


def _get_white_value(examples: "Examples", data: "Data") -> float:
    """Return the value of a white pixel.

    The value is the number by which the preprocessing divides pixels. If pixels are not divided, the value is the
    largest input, at least 1e-9.
    """
    return float(data.info.pixel_max) if data.info.pixel_max > 1 else max(float(examples.inputs.max()), 1e-9)
