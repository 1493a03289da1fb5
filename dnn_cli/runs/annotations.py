"""Annotations: name, tags and note that a user gave a run, in `labels.json`. Trainings never write this file."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pydantic
import pydantic_core
from pydantic import BaseModel, ConfigDict

from dnn_cli.errors import RunError, UsageError
from dnn_cli.host.control_characters import CONTROL_CATEGORIES, is_control_character
from dnn_cli.host.regular_file import FileTooLargeError, NotRegularFileError, read_regular_file
from dnn_cli.runs.address_prefixes import ADDRESS_PREFIXES
from dnn_cli.runs.atomic_write import write_text
from dnn_cli.runs.lock import hold_directory_lock
from dnn_cli.runs.run import Run, format_validation_error

_MAX_ANNOTATIONS_BYTES = 1_000_000
_MAX_TAGS = 100
_MAX_TAG_LENGTH = 40
_MAX_NAME_LENGTH = 200
_MAX_NOTE_LENGTH = 10_000
"""Largest number of characters of a note.

The four constants above limit the bytes of `labels.json`, the number of tags, and the characters of a tag and a name.
`dnn` refuses annotations beyond these limits. Usual annotations are far smaller."""

_FORBIDDEN_CATEGORIES = (*CONTROL_CATEGORIES, "Zs")
"""Unicode categories of the characters that are forbidden in tags: controls, formats, surrogates and separators.

The first three control categories are also forbidden in notes, and all control categories in names."""


class Annotations(BaseModel):
    """Name, tags and note that a user gave a run: the content of `labels.json`."""

    model_config = ConfigDict(frozen=True)

    name: str | None = None
    """New name of a renamed run, which replaces the name in its config; `None` if the run was not renamed."""

    tags: tuple[str, ...] = ()
    """Tags in the order in which the user gave them."""

    note: str | None = None


NO_ANNOTATIONS = Annotations()
"""Empty annotations, as most runs have."""


def read_annotations(run: Run) -> Annotations:
    """Read the annotations of a run; empty annotations without the file.

    Raises:
        RunError: the file cannot be read, or has other content than `write_annotations` writes.
    """
    try:
        text = read_regular_file(run.annotations, _MAX_ANNOTATIONS_BYTES, follow_link=False).decode()
    except FileNotFoundError:
        return NO_ANNOTATIONS
    except (NotRegularFileError, FileTooLargeError) as error:
        raise RunError(f"labels.json is {error.strerror}") from None
    except UnicodeDecodeError:
        raise RunError("labels.json is not UTF-8 text") from None
    except OSError as error:
        raise RunError(f"labels.json cannot be read: {error.strerror}") from None
    try:
        annotations = Annotations.model_validate(pydantic_core.from_json(text, allow_inf_nan=False))
        _check_limits(annotations)
    except pydantic.ValidationError as error:
        raise RunError(f"labels.json: {format_validation_error(error)}") from None
    except ValueError as error:
        raise RunError(f"labels.json is not JSON: {error}") from None
    except UsageError as error:
        raise RunError(f"labels.json: {error.message}") from None
    return annotations


def write_annotations(run: Run, annotations: Annotations) -> None:
    """Write the annotations of a run atomically.

    Raises:
        RunError: the file cannot be written.
    """
    text = json.dumps(annotations.model_dump(exclude_none=True), indent=1, ensure_ascii=False)
    write_text(run.annotations, text + "\n")


def change_annotations(runs: Sequence[Run], change: Callable[[Annotations], Annotations]) -> list[Annotations]:
    """Change the annotations of several runs, and return the new annotations. After an error, no run is changed.

    Args:
        runs: The runs to change.
        change: A function that takes the old annotations of a run and returns its new annotations.

    Raises:
        UsageError: `change` raises this error for an invalid tag, note or name.
        RunError: annotations cannot be read or written.
    """
    with ExitStack() as stack:
        for directory in sorted({run.directory.absolute().parent for run in runs}):
            stack.enter_context(lock_annotations(directory))
        before = [(run, _read_changeable_annotations(run)) for run in runs]
        after = [change(annotations) for _, annotations in before]
        done: list[tuple[Run, Annotations]] = []
        try:
            for (run, old), new in zip(before, after, strict=True):
                if new != old:
                    write_annotations(run, new)
                    done.append((run, old))
        except BaseException:
            for run, old in reversed(done):
                with suppress(RunError):
                    write_annotations(run, old)
            raise
    return after


def _read_changeable_annotations(run: Run) -> Annotations:
    """Read the annotations of a run before they are changed.

    Raises:
        RunError: the annotations are damaged or cannot be read. The message names the directory of the run.
    """
    try:
        return read_annotations(run)
    except RunError as error:
        raise RunError(f"{run.directory}: {error.message}", "repair or delete the file") from None


@contextmanager
def lock_annotations(directory: Path) -> Iterator[None]:
    """Lock the annotations of all runs in a directory while the block runs.

    The function waits until other processes release the lock. Without the lock, two simultaneous changes could
    overwrite each other. If the directory cannot be locked, the block runs without the lock.
    """
    with ExitStack() as stack:
        # Without the lock, a change may get lost, which is better than a refused change.
        with suppress(OSError):
            stack.enter_context(hold_directory_lock(directory))
        yield


def add_tag(annotations: Annotations, tag: str) -> Annotations:
    """Return annotations with an added tag; a tag that the annotations already have is not repeated.

    Raises:
        UsageError: the tag is invalid, or the run has too many tags.
    """
    check_tag(tag)
    changed = annotations.model_copy(update={"tags": tuple(dict.fromkeys((*annotations.tags, tag)))})
    _check_limits(changed)
    return changed


def remove_tag(annotations: Annotations, tag: str) -> Annotations:
    """Return annotations without a tag; annotations that lack the tag stay unchanged."""
    return annotations.model_copy(update={"tags": tuple(other for other in annotations.tags if other != tag)})


def set_note(annotations: Annotations, note: str) -> Annotations:
    """Return annotations with a new note; an empty text removes the note.

    Raises:
        UsageError: the note is too long, or holds control characters.
    """
    changed = annotations.model_copy(update={"note": note.strip() or None})
    _check_limits(changed)
    return changed


def set_name(annotations: Annotations, name: str) -> Annotations:
    """Return annotations with a new name.

    Raises:
        UsageError: the name is invalid, or begins like another form of address, such as `id:`.
    """
    if name.strip().startswith(ADDRESS_PREFIXES):
        raise UsageError(
            f"a run cannot be renamed to {name}", f"use a name that does not begin with {', '.join(ADDRESS_PREFIXES)}"
        )
    changed = annotations.model_copy(update={"name": name.strip()})
    _check_limits(changed)
    return changed


def _check_limits(annotations: Annotations) -> None:
    """Raise an error if tags, note or name exceed their limits, or have forbidden characters.

    Raises:
        UsageError: the annotations are invalid.
    """
    if len(annotations.tags) > _MAX_TAGS:
        raise UsageError(f"a run can have at most {_MAX_TAGS} tags")
    for tag in annotations.tags:
        check_tag(tag)
    if annotations.note is not None and len(annotations.note) > _MAX_NOTE_LENGTH:
        raise UsageError(f"a note can have at most {_MAX_NOTE_LENGTH:,} characters", "write the text to a file")
    if annotations.note is not None and _has_characters(
        annotations.note.translate({9: " ", 10: " "}), CONTROL_CATEGORIES[:3]
    ):
        raise UsageError("a note cannot contain control characters")
    if annotations.name is not None and (
        not annotations.name
        or len(annotations.name) > _MAX_NAME_LENGTH
        or _has_characters(annotations.name, CONTROL_CATEGORIES)
    ):
        raise UsageError(f"a name must be one line of 1 to {_MAX_NAME_LENGTH} characters without control characters")


def check_tag(tag: str) -> None:
    """Raise an error if a tag is invalid.

    Raises:
        UsageError: the tag is empty or too long, or has a comma, a space or a control character.
    """
    if not tag or len(tag) > _MAX_TAG_LENGTH or "," in tag or _has_characters(tag, _FORBIDDEN_CATEGORIES):
        shortened = f"{tag[:_MAX_TAG_LENGTH]}…" if len(tag) > _MAX_TAG_LENGTH else tag
        raise UsageError(
            f"{shortened!r} is not a tag", f"use one word of at most {_MAX_TAG_LENGTH} characters without commas"
        )


def _has_characters(text: str, categories: tuple[str, ...]) -> bool:
    """Return whether a text has a character in one of the Unicode categories, apart from joiners."""
    return any(is_control_character(character, categories) for character in text)
