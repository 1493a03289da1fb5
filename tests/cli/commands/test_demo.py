"""`dnn demo` as it is typed."""

from unittest.mock import patch

from dnn_cli.cli.commands import demo
from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.digits import QUICK_YAML


def run_with_quick_config(*arguments):
    """Run a command in a forked process, in which the config of the demo compiles nothing."""
    with patch.object(demo, "_DEMO_CONFIG", QUICK_YAML.replace("sgd", "adam")):
        forked_cli.run_in_child(*arguments)


def test_demo_trains_compares_and_reports(tmp_path):
    environment = {"DNN_RUNS_DIR": str(tmp_path / "others")}
    process = forked_cli.start_command(
        tmp_path, "demo", out="out", err="err", target=run_with_quick_config, **environment
    )
    process.join(120)
    assert process.exitcode == 0, (tmp_path / "err").read_text()
    output = (tmp_path / "out").read_text()
    typed = [line for line in output.splitlines() if line.startswith("$ ")]
    assert typed == [
        "$ cd dnn-demo", "$ cat demo.yaml", "$ dnn train demo.yaml", "$ dnn train demo.yaml optimizer=rmsprop",
        "$ dnn train demo.yaml optimizer=sgd", "$ dnn compare", "$ dnn report",
    ]  # fmt: skip
    assert "3 completed runs of 3 experiments" in output
    assert "one run each: the verdict is about these trained models" in output
    runs = Store(tmp_path / "dnn-demo" / "runs").list_runs()
    assert sorted(run_info.record.status for run_info in runs) == ["completed"] * 3
    assert "data:image/png" in (tmp_path / "dnn-demo" / "report.html").read_text("utf-8")
    assert not (tmp_path / "others").exists()


def test_config_of_the_demo_is_valid(tmp_path):
    (tmp_path / "demo.yaml").write_text(demo._DEMO_CONFIG)
    for arguments in demo._TRAIN_ARGUMENTS:
        assert load_experiment(str(tmp_path / "demo.yaml"), arguments[1:]).experiment.epochs == 20


def test_existing_directory_is_refused(dnn, tmp_path):
    (tmp_path / "mine").mkdir()
    done = dnn("demo", "mine")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "dnn: mine already exists"
    assert not list((tmp_path / "mine").iterdir())
