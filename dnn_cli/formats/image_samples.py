"""Sizes and colours of some images of a directory, read from the headers of the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from dnn_cli.formats.image_file import (
    DamagedImageError,
    has_several_frames,
    is_grey_image,
    read_image_size,
    silence_pillow_warnings,
)
from dnn_cli.formats.reader_options import ImageSize

_MAX_SIZE_SAMPLE = 100
_MAX_HEADER_SAMPLE = 16
_FRAME_SUFFIXES = (".gif", ".webp", ".tif", ".tiff", ".avif")
"""Suffixes of the formats that can have several frames or pages."""

MAX_SUGGESTED_SIDE = 128
"""Longest side of a suggested image size, in pixels. A first network learns from such images within minutes."""


@dataclass(frozen=True)
class SizeSample:
    """Sizes of some images, of which at least one could be read."""

    sizes: tuple[ImageSize, ...]

    @property
    def has_one_size(self) -> bool:
        """Whether all images have the same size."""
        return len(set(self.sizes)) == 1

    def suggest_size(self) -> ImageSize:
        """Suggest a size for all images: the median height and width, reduced to `MAX_SUGGESTED_SIDE` pixels."""
        height, width = (median(extents) for extents in zip(*self.sizes, strict=True))
        factor = min(1.0, MAX_SUGGESTED_SIDE / max(height, width))
        return max(1, round(height * factor)), max(1, round(width * factor))

    def describe_sizes(self, suggested: ImageSize) -> str:
        """Return the reason for a size, as a comment in a config.

        `suggested` is the size to which all images are resized.
        """
        ends = (min(self.sizes, key=_get_area_and_height), max(self.sizes, key=_get_area_and_height))
        smallest, largest = (f"{height:,} × {width:,}" for height, width in ends)
        if self.has_one_size:
            if self.sizes[0] == suggested:
                return "size of the images"
            return f"the images are {largest}; larger values cost time and memory"
        # Portraits and landscapes of one camera have the same area.
        are_turned = ends[0] == ends[1][::-1]
        return f"the images are {smallest} {'and' if are_turned else 'to'} {largest}; all are resized"


def _get_area_and_height(size: ImageSize) -> tuple[int, int]:
    """Return the area and the height of an image, by which sizes are sorted."""
    return size[0] * size[1], size[0]


def read_size_sample(paths: Sequence[str]) -> SizeSample | None:
    """Read the sizes of some images, evenly spaced in a list. Return `None` if all of them are damaged.

    Raises:
        UserDataError: a file cannot be read.
    """
    sizes = []
    with silence_pillow_warnings():
        for path in _select_sample(paths, _MAX_SIZE_SAMPLE):
            try:
                sizes.append(read_image_size(path))
            except DamagedImageError:
                continue
    return SizeSample(tuple(sizes)) if sizes else None


def has_grey_sample(paths: Sequence[str]) -> bool:
    """Return whether some images, evenly spaced in a list, are all grey. Damaged images are left out.

    Raises:
        UserDataError: a file cannot be read.
    """
    has_grey = False
    with silence_pillow_warnings():
        for path in _select_sample(paths, _MAX_HEADER_SAMPLE):
            try:
                if not is_grey_image(path):
                    return False
            except DamagedImageError:
                continue
            has_grey = True
    return has_grey


def find_image_with_frames(paths: Sequence[str]) -> str | None:
    """Return an image of which only the first frame or page is read, from a sample of all images.

    The result is `None` if no image of the sample has several frames. Damaged images are left out.

    Raises:
        UserDataError: a file cannot be read.
    """
    candidates = [path for path in paths if path.lower().endswith(_FRAME_SUFFIXES)]
    with silence_pillow_warnings():
        for path in _select_sample(candidates, _MAX_HEADER_SAMPLE):
            try:
                if has_several_frames(path):
                    return path
            except DamagedImageError:
                continue
    return None


def _select_sample(paths: Sequence[str], count: int) -> list[str]:
    """Return at most `count` paths, evenly spaced, with the first and the last path."""
    if len(paths) <= count:
        return list(paths)
    return [paths[index * (len(paths) - 1) // (count - 1)] for index in range(count)]
