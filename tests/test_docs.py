"""What the README says is so."""

import re

import pytest

from dnn_cli.config.loading import load_experiment
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
VERBS = [
    "new",
    "check",
    "summary",
    "train",
    "sweep",
    "resume",
    "reproduce",
    "evaluate",
    "predict",
    "export",
    "export-runs",
    "explain",
    "compare",
    "runs",
    "plot",
    "report",
    "watch",
    "lr-find",
    "bench",
    "data",
    "doctor",
    "demo",
    "schema",
    "list",
]


def test_readme_example_config_is_valid(config):
    example, _ = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    experiment = load_experiment(config(example)).experiment
    assert experiment.name == "my_first"
    assert experiment.model.name == "패션 MNIST 모델"


@pytest.mark.parametrize("verb", VERBS)
def test_command_has_help_and_readme_row(program, verb):
    assert f"| `dnn {verb}" in README
    help_text = program(verb, "--help").stdout
    assert f"dnn {verb} [OPTIONS]" in help_text
    options = re.findall(r"^  --\S+.*$", help_text, re.MULTILINE)
    assert all(re.search(r"\s{2,}\S+.*\.", option) for option in options if "  " in option.strip())


def test_help_lists_documented_commands(dnn):
    commands = dnn("--help").stdout.partition("Commands:")[2]
    assert re.findall(r"^  ([\w-]+)", commands, re.MULTILINE) == VERBS


def test_readme_lists_configs_with_scores():
    for path in (ROOT / "configs").glob("*.yaml"):
        measured = re.search(r"validation \w+ (\S+) after .* test \w+ (\S+),", path.read_text(encoding="utf-8"))
        assert f"| {measured[1]} | {measured[2]} |" in re.search(rf"^\| `{path.stem}` .*$", README, re.MULTILINE)[0]


def test_readme_lists_run_files(make_run):
    listed = re.findall(r"^      (\w+\.\w+)  ", README, re.MULTILINE)
    run = make_run()
    assert [run.directory / name for name in listed] == [
        run.config, run.record, run.metrics, run.diagnostics, run.model, run.best_model, run.predictions, run.inputs,
        run.log, run.annotations,
    ]  # fmt: skip


def test_readme_test_command_is_one_line():
    (command,) = re.findall(r"<!-- test command -->\n```sh\n(.*)\n```", README)
    assert ".venv/bin/pytest" in command
    assert "'.[test]'" in command
