"""`Labels`: what a person says about a run, in a file of its own that no training writes."""

import json
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pydantic
import pydantic_core
from pydantic import BaseModel, ConfigDict

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.files import write_text
from dnn_cli.runs.lock import held_folder
from dnn_cli.runs.run import Run
from dnn_cli.spec.names import ADDRESS_PREFIXES

MAX_BYTES = 1_000_000
MAX_TAGS = 100
MAX_TAG = 40
MAX_NAME = 200
MAX_NOTE = 10_000
"""Bounds in characters far beyond any use; longer ones are not ours."""

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
"""The kinds of characters that no tag has: controls, halves of characters, and spaces."""


class Labels(BaseModel):
    """The content of `labels.json`."""

    model_config = ConfigDict(frozen=True)

    name: str | None = None
    """What the run is called now, if not as its config said."""

    tags: tuple[str, ...] = ()
    """In the order in which they were given."""

    note: str | None = None


NONE = Labels()
"""What is said of most runs."""


def read_labels(run: Run) -> Labels:
    """The labels of a run; none where nobody gave it any.

    Raises:
        RunError: the file is not what `write_labels` writes.
    """
    try:
        text = read_small(run)
    except FileNotFoundError:
        return NONE
    except UnicodeDecodeError:
        raise RunError("labels.json is not UTF-8 text") from None
    except OSError as error:
        raise RunError(f"labels.json cannot be read: {error.strerror}") from None
    try:
        labels = Labels.model_validate(pydantic_core.from_json(text, allow_inf_nan=False))
        check_bounds(labels)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RunError(f"labels.json: {'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}") from None
    except ValueError as error:
        raise RunError(f"labels.json is not JSON: {error}") from None
    except UsageError as error:
        raise RunError(f"labels.json: {error.message}") from None
    return labels


def read_small(run: Run) -> str:
    """The text of the file, opened without waiting for a FIFO and without following a link."""
    descriptor = os.open(run.labels, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    with open(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RunError("labels.json is no file")
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise RunError(f"labels.json is larger than {MAX_BYTES:,} bytes")
    return raw.decode()


def write_labels(run: Run, labels: Labels) -> None:
    """Replace the labels of a run, whole or not at all."""
    text = json.dumps(labels.model_dump(exclude_none=True), indent=1, ensure_ascii=False)
    write_text(run.labels, text + "\n")


def change_labels(runs: Sequence[Run], change: Callable[[Labels], Labels]) -> list[Labels]:
    """Change the labels of several runs, all or none; they are returned as they are then.

    Raises:
        UsageError: the change asks for what is no tag, note or name.
        RunError: labels cannot be read or written.
    """
    with ExitStack() as stack:
        for directory in sorted({run.directory.absolute().parent for run in runs}):
            stack.enter_context(alone(directory))
        before = [(run, labels_to_change(run)) for run in runs]
        after = [change(labels) for _, labels in before]
        done: list[tuple[Run, Labels]] = []
        try:
            for (run, old), new in zip(before, after, strict=True):
                if new != old:
                    write_labels(run, new)
                    done.append((run, old))
        except BaseException:
            for run, old in reversed(done):
                with suppress(RunError):
                    write_labels(run, old)
            raise
    return after


def labels_to_change(run: Run) -> Labels:
    """The labels of a run.

    Raises:
        RunError: they are damaged, and which run it is.
    """
    try:
        return read_labels(run)
    except RunError as error:
        raise RunError(f"{run.directory}: {error.message}", "mend or delete that file first") from None


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Be the only one who changes labels in a directory of runs, so that no change gets lost; wait for others."""
    with ExitStack() as stack:
        with suppress(OSError):  # a change that may get lost is better than no change
            stack.enter_context(held_folder(directory))
        yield


def tagged(labels: Labels, tag: str) -> Labels:
    """Labels with one more tag.

    Raises:
        UsageError: the run has too many.
    """
    check_tag(tag)
    changed = labels.model_copy(update={"tags": tuple(dict.fromkeys((*labels.tags, tag)))})
    check_bounds(changed)
    return changed


def untagged(labels: Labels, tag: str) -> Labels:
    """Labels less a tag, which need not be there."""
    return labels.model_copy(update={"tags": tuple(other for other in labels.tags if other != tag)})


def noted(labels: Labels, note: str) -> Labels:
    """Labels with another note; an empty one removes it.

    Raises:
        UsageError: it is too long, or holds control characters.
    """
    changed = labels.model_copy(update={"note": note.strip() or None})
    check_bounds(changed)
    return changed


def renamed(labels: Labels, name: str) -> Labels:
    """Labels with another name.

    Raises:
        UsageError: it is none, or would be taken for another kind of address.
    """
    if name.strip().startswith(ADDRESS_PREFIXES):
        raise UsageError(f"a run cannot be renamed to {name}", f"names do not begin with {', '.join(ADDRESS_PREFIXES)}")
    changed = labels.model_copy(update={"name": name.strip()})
    check_bounds(changed)
    return changed


def check_bounds(labels: Labels) -> None:
    """Refuse labels that are too long, or hold what a label cannot hold.

    Raises:
        UsageError: they are, or do.
    """
    if len(labels.tags) > MAX_TAGS:
        raise UsageError(f"a run has at most {MAX_TAGS} tags")
    for tag in labels.tags:
        check_tag(tag)
    if labels.note is not None and len(labels.note) > MAX_NOTE:
        raise UsageError(f"a note has at most {MAX_NOTE:,} characters", "write it to a file beside the run")
    if labels.note is not None and holds(labels.note.translate({9: " ", 10: " "}), HIDDEN[:3]):
        raise UsageError("a note is text without control characters")
    if labels.name is not None and (not labels.name or len(labels.name) > MAX_NAME or holds(labels.name, HIDDEN[:5])):
        raise UsageError(f"a name is one line of 1 to {MAX_NAME} characters, none of which is a control character")


def check_tag(tag: str) -> None:
    """Refuse what is no tag.

    Raises:
        UsageError: it is none.
    """
    if not tag or len(tag) > MAX_TAG or "," in tag or holds(tag, HIDDEN):
        shown = f"{tag[:MAX_TAG]}…" if len(tag) > MAX_TAG else tag
        raise UsageError(f"{shown!r} is no tag", f"a tag is one word without commas, of at most {MAX_TAG} letters")


def holds(text: str, kinds: tuple[str, ...]) -> bool:
    """Whether a text has a character of these kinds; the joiners of some scripts are none."""
    return any(unicodedata.category(letter) in kinds and letter not in "\u200c\u200d" for letter in text)
