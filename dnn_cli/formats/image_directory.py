"""Reader of image directories with one subdirectory per class, as in `keras.utils.image_dataset_from_directory`."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError, suggest_nearest_name
from dnn_cli.formats.dataset_contents import (
    MAX_CLASSES,
    DatasetContents,
    ExampleArrays,
    ReadProgress,
    Remark,
    ignore_progress,
)
from dnn_cli.formats.image_decoding import (
    ClassFiles,
    ImageDirectory,
    build_training_damage_error,
    decode_files,
    get_color_mode,
    load_images,
    read_file_states,
)
from dnn_cli.formats.image_file import (
    DamagedImageError,
    read_image,
    read_image_size,
    silence_pillow_warnings,
)
from dnn_cli.formats.image_listing import (
    build_unread_remarks,
    list_class_names,
    list_direct_images,
    list_images,
    list_visible_items,
)
from dnn_cli.formats.image_samples import SizeSample, find_image_with_frames, has_grey_sample, read_size_sample
from dnn_cli.formats.image_splits import check_not_split
from dnn_cli.formats.reader_options import ImageOptions, ImageSize

_MAX_NAMED_IMAGES = 3


def inspect_images(directory: str, options: ImageOptions, classes: tuple[str, ...] | None = None) -> DatasetContents:
    """Return a description of an image directory: input shape, number of images and classes.

    Only the headers of a few images are read. With `skip_damaged`, all images are decoded.

    Args:
        directory: The path of the directory, with one subdirectory per class.
        options: The options of the reader. Without an image size, all images must have the size of the first image.
        classes: The classes of the training directory, if this is a validation or test directory. `None` for a training
            directory.

    Raises:
        UserDataError: the directory has too few classes, a class has no images, or an image cannot be read.
    """
    class_files = _list_class_files(directory, options.rules, classes)
    image_directory = _examine_files(class_files, options)
    remarks, decisions = _collect_remarks(class_files, options), {}
    if options.rules > 1 and options.color_mode is None and classes is None and has_grey_sample(class_files.files):
        decisions["color_mode"] = "rgb"
        message = "the images are grey, and are read as three equal colour channels"
        remarks.append(Remark(f"{Path(directory).name}: {message}", "data.color_mode=grayscale"))
    damaged: tuple[int, ...] = ()
    if options.skip_damaged:
        damaged = load_images(image_directory, ignore_progress).damaged
        remarks += _build_damage_remarks(class_files, damaged)
    return DatasetContents(
        image_directory.array_shape[1:],
        len(class_files.files) - len(damaged),
        class_files.classes,
        pixel_max=255,
        value_bytes=1,
        remarks=tuple(remarks),
        decisions=decisions,
    )


def read_images(
    directory: str,
    options: ImageOptions,
    classes: tuple[str, ...] | None = None,
    progress: ReadProgress = ignore_progress,
) -> ExampleArrays:
    """Read the images of a directory, sorted by class and then by file name. Arguments are those of `inspect_images`.

    The inputs can be read-only.

    Raises:
        UserDataError: the errors of `inspect_images`; images are damaged or of another size; the images do not fit
            into memory.
    """
    class_files = _list_class_files(directory, options.rules, classes)
    images = load_images(_examine_files(class_files, options), progress)
    class_numbers = np.delete(np.array(class_files.class_numbers, np.int32), images.damaged)
    return ExampleArrays(images.pixels, class_numbers)


def list_class_numbers(
    directory: str, options: ImageOptions, classes: tuple[str, ...] | None = None
) -> NDArray[np.int32]:
    """List the class number of each image, also of damaged images. Arguments are those of `inspect_images`.

    Raises:
        UserDataError: the subdirectories are not classes, or a class has no images.
    """
    return np.array(_list_class_files(directory, options.rules, classes).class_numbers, np.int32)


def list_image_names(directory: str, options: ImageOptions, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path of each image that `read_images` returns, relative to the directory.

    Args:
        directory: The path of the directory, with one subdirectory per class.
        options: The options of the reader.
        classes: The classes of the training directory.

    Raises:
        UserDataError: the errors of `read_images`.
    """
    class_files = _list_class_files(directory, options.rules, classes)
    damaged: set[int] = set()
    if options.skip_damaged:
        damaged = set(load_images(_examine_files(class_files, options), ignore_progress).damaged)
    return tuple(os.path.relpath(file, directory) for at, file in enumerate(class_files.files) if at not in damaged)


def find_damaged_images(
    directory: str, options: ImageOptions, progress: ReadProgress = ignore_progress
) -> list[DamagedImageError]:
    """Decode all images of a directory, and return the errors of damaged images, in the order of the images.

    Args:
        directory: The path of the directory, with one subdirectory per class.
        options: The options of the reader.
        progress: The function that receives the progress.

    Raises:
        UserDataError: the directory cannot be read.
    """
    names = list_class_names(directory)
    files = [file for name in names for file in list_images(str(Path(directory) / name), options.rules).paths]
    errors = decode_files(
        directory,
        files,
        lambda at: read_image(files[at], options.image_size, True, get_color_mode(options), rules=options.rules),
        sum(size for size, *_ in read_file_states(tuple(files))),
        progress,
    )
    return list(errors.values())


def sample_image_sizes(directory: str, options: ImageOptions) -> SizeSample:
    """Return the sizes of some images of a directory.

    Raises:
        UserDataError: the directory cannot be read, or all images of the sample are damaged.
    """
    files = _list_class_files(directory, options.rules, None).files
    sample = read_size_sample(files)
    if sample is None:
        raise build_training_damage_error(find_damaged_images(directory, options))
    return sample


def _list_class_files(directory: str, rules: int, known_classes: tuple[str, ...] | None) -> ClassFiles:
    """List the classes of a directory and the images of each class.

    Raises:
        UserDataError: the subdirectories are not classes, or a class has no images.
    """
    names = list_class_names(directory)
    check_not_split(directory, names)
    check_class_names(directory, names, known_classes)
    classes = known_classes or names
    numbers = {name: number for number, name in enumerate(classes)}
    files: list[str] = []
    class_numbers: list[int] = []
    unread_suffixes = Counter[str]()
    for name in names:
        listing = list_images(str(Path(directory) / name), rules)
        files += listing.paths
        class_numbers += [numbers[name]] * len(listing.paths)
        unread_suffixes += listing.unread_suffixes
    return ClassFiles(directory, classes, tuple(files), tuple(class_numbers), unread_suffixes)


def _examine_files(class_files: ClassFiles, options: ImageOptions) -> ImageDirectory:
    """Return the images of a directory with their size and the states of their files.

    Raises:
        UserDataError: a path is not a regular file, or the size of the images cannot be read.
    """
    file_states = read_file_states(class_files.files)
    size = options.image_size or _read_first_size(class_files, options)
    return ImageDirectory(class_files, options, size, file_states)


def _read_first_size(class_files: ClassFiles, options: ImageOptions) -> ImageSize:
    """Read the size of the first image. With `skip_damaged`, damaged images before it are left out.

    Raises:
        UserDataError: the first image is damaged, or all images are damaged.
    """
    errors: list[DamagedImageError] = []
    with silence_pillow_warnings():
        for file in class_files.files:
            try:
                return read_image_size(file)
            except DamagedImageError as error:
                errors.append(error)
                if not options.skip_damaged:
                    raise build_training_damage_error(find_damaged_images(class_files.path, options)) from None
    raise build_training_damage_error(errors)


def _collect_remarks(class_files: ClassFiles, options: ImageOptions) -> list[Remark]:
    """Return the remarks about files and frames that are not read."""
    items = list_visible_items(class_files.path)
    top = list_direct_images(items, options.rules)
    title = Path(class_files.path).name
    remarks = [*build_unread_remarks(title, class_files.unread_suffixes + top.unread_suffixes)]
    if top.paths:
        nouns = "images are" if len(top.paths) > 1 else "image is"
        message = f"{title}: {len(top.paths):,} {nouns} not in the directory of a class, and not read"
        remarks.append(Remark(message))
    if (path := find_image_with_frames(class_files.files)) is not None:
        name = os.path.relpath(path, class_files.path)
        remarks.append(Remark(f"{title}: {name} has several frames, and of such images only the first frame is read"))
    return remarks


def _build_damage_remarks(class_files: ClassFiles, damaged: tuple[int, ...]) -> list[Remark]:
    """Return the remark about damaged images that are left out; an empty list if all images are complete."""
    if not damaged:
        return []
    names = [os.path.relpath(class_files.files[at], class_files.path) for at in damaged[:_MAX_NAMED_IMAGES]]
    more = ", …" if len(damaged) > len(names) else ""
    nouns = "damaged images are" if len(damaged) > 1 else "damaged image is"
    message = f"{Path(class_files.path).name}: {len(damaged):,} {nouns} left out: {', '.join(names)}{more}"
    return [Remark(message, "data.skip_damaged=false")]


def check_class_names(directory: str, names: tuple[str, ...], known_classes: tuple[str, ...] | None) -> None:
    """Raise an error if a subdirectory is not a class, or if the number of classes is too small or too large.

    Args:
        directory: The path of the directory, for messages.
        names: The names of its subdirectories.
        known_classes: The classes of the training; `None` if the directory itself defines the classes.

    Raises:
        UserDataError: a subdirectory is not a class, or the number of classes is too small or too large.
    """
    for name in names:
        # Python decodes bytes of a name that are not UTF-8 as surrogates.
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise UserDataError(
                f"{directory} has the subdirectory {name!r}, whose name is not UTF-8", "rename the subdirectory"
            )
        if known_classes is not None and name not in known_classes:
            raise UserDataError(
                f"{directory} has the subdirectory {name}, which is not a class of the training directory",
                suggest_nearest_name(name, known_classes)
                or f"use one of {', '.join(known_classes[:20])}{', …' if len(known_classes) > 20 else ''}",
            )
    min_classes = 2 if known_classes is None else 1
    if not min_classes <= len(names) <= MAX_CLASSES:
        raise UserDataError(
            f"{directory} has {len(names):,} subdirector{'y' if len(names) == 1 else 'ies'}",
            f"create one subdirectory per class, for {min_classes} to {MAX_CLASSES:,} classes",
        )
