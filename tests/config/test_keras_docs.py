"""Each line of the tables of docs/keras.md works as printed."""

import re

import pytest

from dnn_cli.config.keras_names import KEY_SUGGESTIONS, NAME_SUGGESTIONS, WRITE_LAYER_LIST
from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import ConfigError
from tests.helpers.settings import ROOT

PAGE = (ROOT / "dnn_cli" / "docs" / "keras.md").read_text(encoding="utf-8")
FIXED_SUGGESTIONS = {
    hint for table in (*KEY_SUGGESTIONS.values(), *NAME_SUGGESTIONS.values()) for hint in table.values()
} | {WRITE_LAYER_LIST}
OUTPUT = "{type: Dense, units: 10, activation: softmax}"


def read_table_rows(title):
    """The cells of the table below a title."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    table = [re.findall(r"\| (?:`([^`]+)`)? ?(?=\|)", line) for line in section.splitlines() if line.startswith("| `")]
    return [pytest.param(*cells, id=cells[0]) for cells in table]


def build_config_text(snippet, images=True):
    """A config for digits with a key, or with a layer after one that makes images of them."""
    keys = {"data": "data: {dataset: digits}"}
    reshape = "    - {type: Reshape, target_shape: [8, 8, 1]}\n" if images else ""
    layer = f"    {snippet}\n" if snippet.startswith("- ") else ""
    keys["model"] = f"model:\n  layers:\n{reshape if layer else ''}{layer}    - Flatten\n    - {OUTPUT}"
    if snippet and not layer:
        name = snippet.partition(":")[0]
        keys[{"layers": "model", "Sequential": "model"}.get(name, name)] = snippet
    return "\n".join(keys.values())


def load_snippet(config, snippet, images=True):
    return load_experiment(config(build_config_text(snippet, images), "page.yaml")).experiment.model_dump()


@pytest.mark.parametrize(("written", "canonical"), read_table_rows("Accepted"))
def test_accepted_spellings_are_equivalent(config, written, canonical):
    images = "input_shape" not in written
    assert load_snippet(config, written, images) == load_snippet(config, canonical, images)


@pytest.mark.parametrize(("written", "instead"), read_table_rows("Refused, with what to write"))
def test_refused_spelling_names_its_replacement(config, written, instead):
    with pytest.raises(ConfigError) as refused:
        load_snippet(config, written)
    for issue in refused.value.issues:
        suggestion = issue.suggestion
        command = re.sub(r".*(?:write|did you mean) |\?$| below data:$", "", suggestion)
        assert suggestion in FIXED_SUGGESTIONS or command in instead, str(issue)
        assert instead or suggestion.startswith("remove it"), str(issue)
    assert load_snippet(config, instead)


def test_book_example_loads_without_advice(config):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    loaded = load_experiment(config(text, "book.yaml"))
    assert loaded.advice == ()
    assert loaded.experiment.epochs == 20


@pytest.mark.parametrize(
    "row", re.findall(r"^\| `([^`]+)` \| (accepts|refuses) it[^`]*`([^`]+)` \|$", PAGE, re.MULTILINE)
)
def test_command_line_spellings(config, dnn, row):
    written, does, instead = row
    path = config(build_config_text(""))
    if does == "accepts":
        assert load_experiment(path, [written]).experiment == load_experiment(path, [instead]).experiment
        return
    done = dnn("check", path, *written.split())
    assert done.returncode == 2
    assert f"write {instead} instead" in done.stderr
    assert dnn("check", path, instead).returncode == 0
