"""The tables of docs/keras.md: each line is tried as it stands there."""

import re

import pytest

from dnn_cli.errors import ConfigError
from dnn_cli.spec.keras_hints import KEYS, LIST, NAMES
from dnn_cli.spec.load import load
from tests.conftest import ROOT

PAGE = (ROOT / "dnn_cli" / "docs" / "keras.md").read_text(encoding="utf-8")
STATIC = {hint for table in (*KEYS.values(), *NAMES.values()) for hint in table.values()} | {LIST}
OUTPUT = "{type: Dense, units: 10, activation: softmax}"


def rows(title):
    """The cells of the table below a title."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    found = [re.findall(r"\| (?:`([^`]+)`)? ?(?=\|)", line) for line in section.splitlines() if line.startswith("| `")]
    return [pytest.param(*cells, id=cells[0]) for cells in found]


def document(snippet, images=True):
    """A config for digits with a key, or with a layer after one that makes images of them."""
    keys = {"data": "data: {dataset: digits}"}
    reshape = "    - {type: Reshape, target_shape: [8, 8, 1]}\n" if images else ""
    layer = f"    {snippet}\n" if snippet.startswith("- ") else ""
    keys["model"] = f"model:\n  layers:\n{reshape if layer else ''}{layer}    - Flatten\n    - {OUTPUT}"
    if snippet and not layer:
        name = snippet.partition(":")[0]
        keys[{"layers": "model", "Sequential": "model"}.get(name, name)] = snippet
    return "\n".join(keys.values())


def read(config, snippet, images=True):
    return load(config(document(snippet, images), "page.yaml")).experiment.model_dump()


@pytest.mark.parametrize(("written", "kept"), rows("Accepted"))
def test_what_is_accepted_is_kept_under_one_name(config, written, kept):
    images = "input_shape" not in written
    assert read(config, written, images) == read(config, kept, images)


@pytest.mark.parametrize(("written", "instead"), rows("Refused, with what to write"))
def test_what_is_refused_names_what_to_write(config, written, instead):
    with pytest.raises(ConfigError) as refused:
        read(config, written)
    for fault in refused.value.faults:
        hint = fault.suggestion
        command = re.sub(r".*(?:write|did you mean) |\?$| below data:$", "", hint)
        assert hint in STATIC or command in instead, str(fault)
        assert instead or hint.startswith("remove it"), str(fault)
    assert read(config, instead)


def test_the_program_of_the_book_is_read_as_it_stands(config):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    loaded = load(config(text, "book.yaml"))
    assert loaded.advice == ()
    assert loaded.experiment.epochs == 20


@pytest.mark.parametrize(
    "row", re.findall(r"^\| `([^`]+)` \| (accepts|refuses) it[^`]*`([^`]+)` \|$", PAGE, re.MULTILINE)
)
def test_what_is_typed_on_the_command_line(config, dnn, row):
    written, does, instead = row
    path = config(document(""))
    if does == "accepts":
        assert load(path, [written]).experiment == load(path, [instead]).experiment
        return
    done = dnn("check", path, *written.split())
    assert done.returncode == 2
    assert f"write {instead} in its place" in done.stderr
    assert dnn("check", path, instead).returncode == 0
