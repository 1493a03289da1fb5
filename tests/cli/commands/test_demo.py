"""`dnn demo` as it is typed."""

from dnn_cli.runs.store import Store
from tests.helpers import forked_cli


def test_demo_trains_compares_and_reports(tmp_path):
    done = forked_cli.run_command(tmp_path, "demo", DNN_RUNS_DIR=str(tmp_path / "others"))
    assert done.returncode == 0, done.stderr
    typed = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert typed == [
        "$ cd dnn-demo", "$ cat demo.yaml", "$ dnn train demo.yaml", "$ dnn train demo.yaml optimizer=rmsprop",
        "$ dnn train demo.yaml optimizer=sgd", "$ dnn compare", "$ dnn report",
    ]  # fmt: skip
    assert "3 completed runs of 3 experiments" in done.stdout
    assert "one run each: the verdict is about these trained models" in done.stdout
    runs = Store(tmp_path / "dnn-demo" / "runs").list_runs()
    assert sorted(run_info.record.status for run_info in runs) == ["completed"] * 3
    assert "data:image/png" in (tmp_path / "dnn-demo" / "report.html").read_text("utf-8")
    assert not (tmp_path / "others").exists()


def test_existing_directory_is_refused(dnn, tmp_path):
    (tmp_path / "mine").mkdir()
    done = dnn("demo", "mine")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "dnn: mine already exists"
    assert not list((tmp_path / "mine").iterdir())
