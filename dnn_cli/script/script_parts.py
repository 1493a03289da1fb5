"""Scripts in parts: each part has a title, the imports that it needs, and blocks of code."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dnn_cli.host.control_characters import is_control_character

_WIDTH = 88
"""Maximum number of characters in a line of a comment or docstring."""

_STANDARD_MODULES = ("datetime", "math", "os", "pathlib")
"""Modules of Python's library that scripts import."""


@dataclass(frozen=True)
class ScriptPart:
    """Step of a script, such as the loading of the data."""

    title: str
    """Sentence that says what the part does, with the terms of textbooks."""

    blocks: tuple[str, ...]
    """Blocks of code. A definition of a function or class is a block of its own."""

    imports: tuple[str, ...] = ()
    """Import statements that the code needs."""


@dataclass(frozen=True)
class Script:
    """Program of plain Keras that does what a config describes."""

    title: str
    """First line of the docstring."""

    paragraphs: tuple[str, ...]
    """Further paragraphs of the docstring: with which programs the weights are equal, and where they differ."""

    parts: tuple[ScriptPart, ...]

    def list_imports(self) -> list[str]:
        """Return the import statements of all parts, sorted: modules of Python first, then those of packages."""
        statements = sorted({statement for part in self.parts for statement in part.imports}, key=_get_sort_key)
        standard = [statement for statement in statements if _get_module(statement) in _STANDARD_MODULES]
        others = [statement for statement in statements if statement not in standard]
        return [*standard, *([""] if standard and others else []), *others]

    def format_introduction(self) -> str:
        """Return the title and the paragraphs of the docstring as text, wrapped."""
        paragraphs = ["\n".join(textwrap.wrap(text, _WIDTH)) for text in self.paragraphs]
        return _clean_text("\n\n".join([self.title, *paragraphs]))


def format_part_code(part: ScriptPart) -> str:
    """Return the code of a part without its title. Definitions have two blank lines before and after them."""
    return _join_blocks(part.blocks)


def format_program(script: Script) -> str:
    """Return the text of a script as a Python file."""
    imports = script.list_imports()
    introduction = script.format_introduction()
    quotes = '"""' if "\\" not in introduction else 'r"""'
    text = f'{quotes}{introduction}\n"""\n\n' if script.paragraphs else f'{quotes}{introduction}"""\n\n'
    text += "\n".join(imports) + "\n"
    is_after_definition = False
    for part in script.parts:
        blank_lines = 2 if is_after_definition or _is_definition(part.blocks[0]) else 1
        text += "\n" * blank_lines + "\n".join([*_wrap_comment(part.title), format_part_code(part)]) + "\n"
        is_after_definition = _is_definition(part.blocks[-1])
    return text


def _wrap_comment(text: str) -> Iterator[str]:
    """Yield the lines of a comment."""
    yield from textwrap.wrap(_clean_text(text), _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _clean_text(text: str) -> str:
    """Return a text for a comment or docstring, without characters that end a docstring or control a terminal."""
    text = text.replace('""', "''")
    return "".join("�" if letter != "\n" and is_control_character(letter) else letter for letter in text)


def _join_blocks(blocks: Iterable[str]) -> str:
    """Join blocks of code with the blank lines that definitions need."""
    text, previous = "", ""
    for block in blocks:
        if previous:
            text += "\n\n\n" if _is_definition(previous) or _is_definition(block) else "\n"
        text, previous = text + block, block
    return text


def _is_definition(block: str) -> bool:
    """Return whether a block defines a function or a class."""
    return block.startswith(("def ", "class "))


def _get_module(statement: str) -> str:
    """Return the package of an import statement: `sklearn` for `from sklearn.datasets import load_iris`."""
    return statement.split()[1].partition(".")[0]


def _get_sort_key(statement: str) -> tuple[bool, str]:
    """Return the key by which import statements are sorted: `import …` before `from …`, then by name."""
    return statement.startswith("from "), statement.lower()
