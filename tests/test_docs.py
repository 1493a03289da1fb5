"""The README and the pages describe the program as it is."""

import re

import pytest
import typer

from dnn_cli.cli.app import app
from dnn_cli.cli.command_groups import COMMAND_GROUPS
from dnn_cli.cli.command_reference import build_reference
from dnn_cli.cli.layer_reference import build_layer_reference
from dnn_cli.config.datasets import DATASETS
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.loading import load_experiment
from dnn_cli.doctor.program import list_extras
from dnn_cli.export.export_formats import EXPORT_FORMATS
from tests.helpers.command_line import iter_parameters
from tests.helpers.settings import ROOT

MAX_README_LINES = 180

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "dnn_cli" / "docs").glob("*.md")}
CONFIG_TABLE = (ROOT / "configs" / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "dnn_cli" / "README.md",
    *sorted((ROOT / "dnn_cli" / "docs").glob("*.md")),
    ROOT / "configs" / "README.md",
    ROOT / "tests" / "README.md",
    ROOT / "tests" / "benchmarks" / "README.md",
    ROOT / ".github" / "CONTRIBUTING.md",
]
COMMANDS = [name for commands in COMMAND_GROUPS.values() for name in commands]


def remove_code(text):
    """The text without code blocks and code spans, in which `#` and `[…](…)` mean something else."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


def list_links(path):
    """The targets of links and pictures that lead to files of the repository or to titles of the same page."""
    text = remove_code(path.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'\bsrc="([^"]+)"', text)
    return [target for target in targets if not re.match(r"\w+:", target)]


def list_anchors(path):
    """The anchors that GitHub gives to the titles of a page."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    anchors = []
    for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        repeats = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in anchors)
        anchors.append(f"{anchor}-{repeats}" if repeats else anchor)
    return anchors


def test_readme_is_short():
    assert len(README.splitlines()) <= MAX_README_LINES


def test_readme_links_to_every_document():
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in list_links(ROOT / "README.md")}
    assert [path for path in DOCUMENTS[1:] if path not in linked] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_titles(document):
    for target in list_links(document):
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.is_relative_to(ROOT), target
        assert path.exists(), target
        assert not anchor or anchor in list_anchors(path), target


def test_readme_example_config_is_valid(config):
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    loaded = load_experiment(config(example, "my_first.yaml"))
    assert loaded.advice == ()
    assert loaded.experiment.name == "my_first"


def test_readme_override_is_valid(config):
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (overrides,) = re.findall(r"^dnn train my_first\.yaml (.*?)  ", README, re.MULTILINE)
    experiment = load_experiment(config(example, "my_first.yaml"), overrides.split()).experiment
    assert (experiment.epochs, experiment.model.layers[1].units) == (10, 200)


def test_complete_example_config_is_valid(config):
    example, *_ = re.findall(r"```yaml\n(.*?)```", PAGES["config"], re.DOTALL)
    experiment = load_experiment(config(example)).experiment
    assert experiment.name == "my_first"
    assert experiment.model.name == "패션 MNIST 모델"


def test_command_reference_is_current():
    """`python -m dnn_cli.cli.command_reference` writes the page."""
    assert PAGES["commands"] == build_reference()


ROW_OF_CHECKS = r"equal \| (equal|–) \| equal( \| (0|\de-\d\d|refused)){4}"
"""Bits of both engines without and with XLA, bits after a resumption, and four exports."""


def test_layer_reference_is_current():
    """`python -m dnn_cli.cli.layer_reference` writes the page."""
    assert PAGES["layers"] == build_layer_reference()


def test_checks_of_layers_have_a_complete_row_for_each_layer():
    """`python -m tests.stress layers --write` writes the page."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGES["layer_checks"], re.MULTILINE))
    assert rows.keys() == LAYERS_BY_TYPE.keys()
    assert {name for name, cells in rows.items() if not re.fullmatch(ROW_OF_CHECKS, cells)} == set()


def test_readme_lists_existing_commands():
    listed = re.findall(r"^\| `dnn ([\w-]+)", README, re.MULTILINE)
    assert len(listed) == 12
    assert set(listed) <= set(COMMANDS)


def test_every_parameter_has_help_and_a_placeholder():
    for command, parameter in iter_parameters(typer.main.get_command(app)):
        name = f"{command} {parameter.opts}"
        assert re.search(r"\S.*\.$", parameter.help or ""), name
        assert (
            parameter.is_eager or getattr(parameter, "is_flag", False) or re.fullmatch(r"[^\[\] ]+", parameter.metavar)
        ), name


def test_config_table_has_measured_scores_and_seconds():
    for path in (ROOT / "configs").glob("*.yaml"):
        header = path.read_text(encoding="utf-8")
        score = r"\w+ ([\d.]+(?: ± [\d.]+)?)"
        measured = re.search(rf"validation {score} after .* test {score}(?: over \d+ seeds)?,\n# (\d+ s) on", header)
        row = re.search(rf"^\| `{path.stem}` .*$", CONFIG_TABLE, re.MULTILINE)[0]
        assert row.endswith(f"| {measured[1]} | {measured[2]} | {measured[3]} |")


def test_run_files_are_listed(make_run):
    pattern = re.compile(r"^      (\w+\.\w+)  ", re.MULTILINE)
    listed = pattern.findall(PAGES["runs"])
    run = make_run()
    assert [run.directory / name for name in listed] == [
        run.config, run.record, run.metrics, run.diagnostics, run.model, run.best_model, run.predictions,
        run.reporting_predictions, run.inputs, run.log, run.annotations,
    ]  # fmt: skip
    assert [name for name in listed if name in pattern.findall(README)] == pattern.findall(README) != []


def test_pages_name_every_export_format_extra_and_dataset():
    assert f"--format {'|'.join(EXPORT_FORMATS)}`" in PAGES["export"]
    sentence = re.search(r"The formats (.*?) need \[extras\]", PAGES["export"])[1]
    assert re.findall(r"`(\w+)`", sentence) == [name for name, form in EXPORT_FORMATS.items() if form.extra]
    extras = re.search(r"## Extras\n(.*?)\n## ", PAGES["terminal"], re.DOTALL)[1]
    assert [name for name in list_extras() if not re.search(rf"\b{name}\b", extras)] == []
    page = PAGES["data"].lower().replace("-", "_")
    assert [name for name in DATASETS if not re.search(rf"\b{name}\b", page)] == []


def test_readme_test_command_is_one_line():
    (command,) = re.findall(r"<!-- test command -->\n```sh\n(.*)\n```", README)
    assert ".venv/bin/pytest" in command
    assert "'.[test]'" in command
