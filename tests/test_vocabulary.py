"""The code keeps to the glossary of `dnn_cli/README.md`: names, retired words, interfaces of modules, and paths."""

import ast
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from dnn_cli.cli.command_groups import COMMAND_GROUPS

ROOT = Path(__file__).parent.parent
GLOSSARY = (ROOT / "dnn_cli" / "README.md").read_text("utf-8")
PROGRAM_FILES = sorted((ROOT / "dnn_cli").rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "configs" / "README.md",
    ROOT / "tests" / "README.md",
    ROOT / "tests" / "benchmarks" / "README.md",
    ROOT / ".github" / "CONTRIBUTING.md",
    *sorted((ROOT / "dnn_cli" / "docs").glob("*.md")),
    *sorted((ROOT / "configs").rglob("*.yaml")),
    *sorted((ROOT / "dnn_cli").rglob("*.yaml")),
]
TEMPLATES = sorted((ROOT / "dnn_cli").rglob("*.j2"))

MAX_SHARED_FILE_NAMES = 6
MIN_SHARE_OF_LONG_NAMES = 0.9
DOCSTRING_VERBS = {
    "append",
    "continue",
    "cut",
    "decode",
    "disconnect",
    "do",
    "keep",
    "let",
    "release",
    "return",
    "remember",
    "store",
    "suppress",
    "tune",
    "yield",
}
"""Verbs that begin docstrings although no name of a function begins with them."""


@cache
def parse_file(path):
    return ast.parse(path.read_text("utf-8"))


@cache
def list_nodes(path):
    """The nodes of a module's syntax tree; outer nodes come before inner ones."""
    return list(ast.walk(parse_file(path)))


def list_retired_words(scope):
    """The words of the glossary's table that are retired in names, texts or whole names."""
    table = GLOSSARY.split("## Retired words")[1].split("## Recipes")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    return {word.strip() for words, _, scopes in rows[2:] if scope in scopes.split(", ") for word in words.split(",")}


def split_name(name):
    """The words of an identifier: `RunInfo` and `run_info` are both run, info."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def iter_defined_names(path) -> Iterator[tuple[int, str, bool]]:
    """The line, the name, and whether it is a parameter or a local variable, of all that a module defines."""
    local = set()
    for node in list_nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and id(node) not in local:
            local.update(map(id, ast.walk(node)))
    for node in list_nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name, False
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg, True
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id, id(node) in local
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr, False
        elif isinstance(node, ast.alias) and node.asname:
            yield 0, node.asname, False


def iter_texts(path) -> Iterator[tuple[int, str]]:
    """The line and the text of every string and comment of a module."""
    for node in list_nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    yield from iter_comments(path)


def iter_comments(path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every comment of a module, or nothing if no comment has a retired word."""
    text = path.read_text("utf-8")
    # Splitting a module into tokens takes long. The text after a number sign is a comment or contains one.
    if not any(map(build_retired_pattern().search, re.findall("#.*", text))):
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def iter_docstrings_and_comments(path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every docstring and comment of a module, without other strings."""
    for node in list_nodes(path):
        # A string that is a statement is a docstring of a module, a class, a function or a constant.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
    yield from iter_comments(path)


def build_word_pattern(phrase):
    """The regular expression of a retired phrase, in which X and Y are any words."""
    pattern = rf"\b{re.escape(phrase)}\b"
    pattern = pattern.replace(r"\bX\ ", r"(?<!there )(?<!\bif )\b").replace(r"\ Y\b", r"\ (?!longer\b|more\b)\w")
    # `is None` is Python. A sentence that begins with these words in capitals lacks its noun.
    return pattern if "none" in phrase or (phrase[0].isupper() and " Y" not in phrase) else f"(?i:{pattern})"


@cache
def build_retired_pattern():
    """The regular expression of all retired words of texts."""
    # The boundary in front spares most positions the attempt of every phrase.
    return re.compile(rf"\b(?:{'|'.join(map(build_word_pattern, sorted(list_retired_words('texts'))))})")


def iter_template_lines(path):
    """The lines of a template without the names of its classes and without its code."""
    text = re.sub(r'class="[^"]*"', "", path.read_text("utf-8"))
    yield from enumerate(re.sub(r"{%.*?%}|{{.*?}}", "", text).splitlines(), 1)


def test_glossary_lists_retired_words():
    assert {"told", "parcel", "folder"} <= list_retired_words("names")
    assert {"anew", "folder"} <= list_retired_words("texts")
    assert {"found", "why"} <= list_retired_words("whole names")


@pytest.mark.parametrize(
    ("text", "retired"),
    [
        ("write it anew", "anew"),
        ("So many epochs", "So many"),
        ("5 is no class", "is no c"),
        ("the values are no numbers", "are no n"),
        ("there is no class", None),
        ("the data is no longer available", None),
        ("the result is none", "is none"),
        ("`x is None`", None),
        ("What is trained.", "What is"),
        ("knows what is trained", None),
        ("understand", None),
        ("the key stands twice", "stands"),
    ],
)
def test_retired_phrases_match(text, retired):
    match = build_retired_pattern().search(text)
    assert (match and match[0]) == retired


@pytest.mark.parametrize("files", [PROGRAM_FILES, TEST_FILES], ids=["program", "tests"])
def test_no_name_has_a_retired_word(files):
    retired, retired_whole = list_retired_words("names"), list_retired_words("whole names")
    violations = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in files
        for line, name, is_local in iter_defined_names(path)
        if split_name(name) & retired or (is_local and name in retired_whole)
        # The Python interface has the names of options: `where` is that of `--where`.
        if (path.parent.name, name) != ("api", "where")
    ]
    assert violations == []


def test_no_text_has_a_retired_word():
    """Strings of tests are left out: they quote what the program prints and what it must refuse."""
    retired = build_retired_pattern()
    texts = [(path, line, text) for path in PROGRAM_FILES for line, text in iter_texts(path)]
    texts += [(path, *text) for path in TEST_FILES for text in iter_docstrings_and_comments(path)]
    texts += [(path, n, line) for path in DOCUMENTS for n, line in enumerate(path.read_text("utf-8").splitlines(), 1)]
    texts += [(path, *line) for path in TEMPLATES for line in iter_template_lines(path)]
    violations = [
        f"{path.relative_to(ROOT)}:{line + text[: word.start()].count(chr(10))} {word[0]}"
        for path, line, text in texts
        for word in retired.finditer(text)
    ]
    assert violations == []


def is_property(function):
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_docstrings_of_functions_begin_with_a_verb():
    """The verb is one that begins the name of a function. A property is described as a value."""
    functions = [
        (path, node)
        for path in PROGRAM_FILES
        for node in list_nodes(path)
        if isinstance(node, ast.FunctionDef) and not is_property(node)
    ]
    verbs = {node.name.strip("_").split("_")[0] for _, node in functions} - {"is", "has", "can", "to"} | DOCSTRING_VERBS
    violations = [
        f"{path.relative_to(ROOT)}:{node.lineno} {docstring.split()[0]}"
        for path, node in functions
        if (docstring := ast.get_docstring(node)) and docstring.split()[0].lower().rstrip(".:,") not in verbs
    ]
    assert violations == []


def test_function_names_have_several_words():
    names = [
        node.name.strip("_")
        for path in PROGRAM_FILES
        for node in list_nodes(path)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__")
    ]
    share = sum("_" in name for name in names) / len(names)
    assert share >= MIN_SHARE_OF_LONG_NAMES, f"{share:.1%} of {len(names)} function names have two or more words"


def test_few_modules_share_a_file_name():
    counts = Counter(path.name for path in PROGRAM_FILES if path.name != "__init__.py")
    shared = {name: count for name, count in counts.items() if count > 1}
    assert len(shared) <= MAX_SHARED_FILE_NAMES, shared


def get_module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def find_used_names():
    """Find the names of each module that other modules, tests and texts of programs use."""
    used = defaultdict(set)
    modules = {get_module_name(path): path for path in [*PROGRAM_FILES, *TEST_FILES]}
    for path in modules.values():
        aliases = {}
        for node in list_nodes(path):
            if isinstance(node, ast.ImportFrom) and node.module:
                package = f"{get_module_name(path.parent)}." if node.level else ""
                for alias in node.names:
                    used[package + node.module].add(alias.name)
                    aliases[alias.asname or alias.name] = f"{package}{node.module}.{alias.name}"
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                for module, names in re.findall(r"from (dnn_cli[\w.]*) import ([\w, ]+)", node.value):
                    used[module].update(re.findall(r"\w+", names))
                if re.fullmatch(r"dnn_cli(\.\w+)+", node.value):
                    module, _, name = node.value.rpartition(".")
                    used[module].add(name)
        for node in list_nodes(path):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
                used[aliases[node.value.id]].add(node.attr)
            elif isinstance(node, ast.Call) and len(node.args) > 1 and getattr(node.func, "attr", "") == "setattr":
                module, name = node.args[:2]
                if isinstance(module, ast.Name) and isinstance(name, ast.Constant):
                    used[aliases.get(module.id, "")].add(name.value)
    for commands in COMMAND_GROUPS.values():
        for command in commands.values():
            module, _, name = command.location.partition(":")
            used[f"dnn_cli.cli.commands{module}"].add(name)
    used["dnn_cli.__main__"].update(("main", "run_forked"))  # the entry points of the program and of the warm server
    used["dnn_cli.warm.server"].add("run_server")  # the server imports the module under another name
    used["dnn_cli"].update(("load", "TYPE_CHECKING"))  # the Python interface, and a name for type checkers
    return used


def list_module_names(tree):
    """The functions and constants that a module defines, without those that a decorator registers."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def test_names_of_one_module_are_private():
    """Functions and constants that no other module and no test uses begin with an underscore."""
    used = find_used_names()
    violations = [
        f"{module}.{name}"
        for module, path in ((get_module_name(path), path) for path in PROGRAM_FILES)
        for name in list_module_names(parse_file(path))
        if not name.startswith("_") and name not in used[module]
    ]
    assert violations == []


def test_paths_and_constants_of_the_glossary_exist():
    for path in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|md|json|toml)|[a-z_]+/)`", GLOSSARY):
        assert (ROOT / "dnn_cli" / path).exists() or (ROOT / path).exists(), path
    for path, constant in re.findall(r"`([a-z_/]+\.py)` `([A-Z_]+)`", GLOSSARY):
        assert re.search(rf"^{constant}\b.* = ", (ROOT / "dnn_cli" / path).read_text("utf-8"), re.MULTILINE), (
            path,
            constant,
        )
    packages = {path.parent.name for path in (ROOT / "dnn_cli").glob("*/__init__.py")}
    diagram = GLOSSARY.split("```")[1]
    assert {name for name in packages if not re.search(rf"\b{name}\b", diagram)} == set()
