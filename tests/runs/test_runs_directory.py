"""`--runs-dir` in commands to paste: only for a directory that commands do not use by themselves."""

import re
import shlex

import pytest

from dnn_cli.report.seed_command import build_sweep_commands
from dnn_cli.runs.runs_directory import build_runs_dir_option, get_default_runs_dir


@pytest.mark.parametrize(
    ("variable", "runs_dir", "option"),
    [
        pytest.param(None, "runs", [], id="default"),
        pytest.param(None, "{here}/runs", [], id="absolute path of the default"),
        pytest.param(None, "elsewhere", ["--runs-dir", "elsewhere"], id="elsewhere"),
        pytest.param("", "runs", [], id="empty variable"),
        pytest.param("elsewhere", "elsewhere", [], id="directory of the variable"),
        pytest.param("{here}/elsewhere", "elsewhere", [], id="absolute path in the variable"),
        pytest.param("elsewhere", "runs", ["--runs-dir", "runs"], id="runs, despite the variable"),
    ],
)
def test_option_is_built_unless_the_directory_is_the_default(monkeypatch, tmp_path, variable, runs_dir, option):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DNN_RUNS_DIR", raising=False)
    if variable is not None:
        monkeypatch.setenv("DNN_RUNS_DIR", variable.format(here=tmp_path))
    assert build_runs_dir_option(runs_dir.format(here=tmp_path)) == option
    assert get_default_runs_dir().name == ("elsewhere" if variable else "runs")


def test_advice_on_seeds_follows_the_variable(monkeypatch, scored_runs):
    monkeypatch.chdir(scored_runs.root)
    scored_runs.add("adam", (0.9, 0.91, 0.92))
    scored_runs.add("sgd", (0.8, 0.81, 0.82), "optimizer=sgd")
    groups = scored_runs.compare().groups
    monkeypatch.setenv("DNN_RUNS_DIR", str(scored_runs.root / "runs"))
    ((command,), _) = build_sweep_commands(groups, 6, "runs")
    assert "--runs-dir" not in command
    monkeypatch.setenv("DNN_RUNS_DIR", "elsewhere")
    ((command,), _) = build_sweep_commands(groups, 6, "runs")
    assert command[-2:] == ["--runs-dir", "runs"]


def test_commands_of_a_run_page_follow_the_variable(dnn, make_run, tmp_path):
    make_run()
    (tmp_path / "runs").rename(tmp_path / "else where")

    def read_commands(*words, **environment):
        done = dnn("report", "-o", "report.html", *words, **environment)
        assert done.returncode == 0, done.stderr
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        return re.findall(r">(dnn reproduce 00000001[^<]*)<", page)

    assert read_commands(DNN_RUNS_DIR="else where") == ["dnn reproduce 00000001"]
    (command,) = read_commands("--runs-dir", "else where")
    assert shlex.split(command.replace("&#39;", "'"))[-2:] == ["--runs-dir", "else where"]
