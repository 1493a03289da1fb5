"""A Ray cluster: nodes that share nothing, one of which dies; and what comes home is looked at."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs.parcel import adopt, pack, unpack
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from tests.conftest import ROOT
from tests.kills import assert_same

ONE = ["jit=false", "epochs=40"]
OUTSIDE = {name: value for name, value in os.environ.items() if not name.startswith(("DNN_", "COV_", "RAY_"))}
ENVIRONMENT = {**OUTSIDE, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


def descendants(pid):
    """All processes that came of one, with it."""
    found, children = [pid], {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(status.parent.name))
    for one in found:
        found += children.get(one, [])
    return found


def kill_all(pid):
    for one in descendants(pid):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def trains(pid):
    """Whether some process that came of one trains a task."""
    for one in descendants(pid):
        try:
            if b"ray::train" in Path(f"/proc/{one}/cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.fixture
def nodes():
    """A cluster of two nodes with a processor each: its address, and the processes that hold them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    ray = [str(Path(sys.executable).parent / "ray"), "start", "--block", "--num-cpus=1", "--disable-usage-stats"]
    started = []
    try:
        for words in (
            [
                "--head",
                "--node-ip-address=127.0.0.1",
                "--include-dashboard=false",
                f"--port={port}",
                f"--temp-dir={folder}",
            ],
            [f"--address=127.0.0.1:{port}", "--node-ip-address=127.0.0.2"],
        ):
            started.append(
                subprocess.Popen(
                    [*ray, *words], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                )
            )  # fmt: skip
            until = time.monotonic() + 60
            while not any(b"raylet/raylet" in cmdline(one) for one in descendants(started[-1].pid)):
                assert started[-1].poll() is None, "ray start has ended"
                assert time.monotonic() < until
                time.sleep(0.2)
        yield f"127.0.0.1:{port}", started
    finally:
        for process in reversed(started):
            kill_all(process.pid)
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def cmdline(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_node_that_dies_loses_nothing_and_runs_have_the_bits_of_train(nodes, config, tmp_path, trained, experiment):
    address, (_, second) = nodes
    config()
    words = ["sweep", "digits.yaml", *ONE, "optimizer=sgd,adam", "seed=1..3", "--on", "ray"]
    process = subprocess.Popen(
        [sys.executable, "-m", "dnn_cli", *words], cwd=tmp_path, env={**ENVIRONMENT, "RAY_ADDRESS": address},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while not trains(second.pid):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.1)
        kill_all(second.pid)
        out, err = process.communicate(timeout=180)
    finally:
        kill_all(process.pid)
    assert process.returncode == 0, out + err
    assert [line.split("  ")[0].strip() for line in err.splitlines()[1:]] == [f"{n}/6" for n in range(1, 7)], err
    entries = Store(tmp_path / "runs").entries()
    assert [entry.record.status for entry in entries] == ["completed"] * 6
    assert len(list((tmp_path / "runs").iterdir())) == 6
    settings = [entry.record.sweeps[0].settings for entry in entries]
    assert len({tuple(setting.items()) for setting in settings}) == 6
    alone, _, _ = trained(experiment(*ONE, *(f"{key}={value}" for key, value in settings[-1].items())))
    assert_same(alone, entries[-1].run)


def test_a_cluster_that_is_not_there_is_told_at_once(program, config):
    config()
    done = program("sweep", "digits.yaml", "seed=1..2", "--on", "ray", RAY_ADDRESS="127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the Ray cluster 127.0.0.1:1 cannot be reached" in done.stderr


def test_without_ray_the_extra_is_named(program, config, tmp_path):
    config()
    (tmp_path / "shim").mkdir()
    (tmp_path / "shim" / "ray.py").write_text("raise ImportError('not here')")
    done = program("sweep", "digits.yaml", "seed=1..2", "--on", "ray", PYTHONPATH=f"{tmp_path / 'shim'}:{ROOT}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "dnn-cli[ray]" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_run_comes_home_as_it_was_sent(make_run, tmp_path):
    run = make_run()
    run.checkpoints.mkdir()
    run.last_checkpoint.write_bytes(b"last")
    home = adopt(pack(run), Store(tmp_path / "home"))
    assert pack(home) == pack(run)
    assert home.directory.name.endswith(run.directory.name[15:])
    assert len(list((tmp_path / "home").iterdir())) == 1


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "sub/run.json", ".hidden", "", "checkpoints/../../evil", "evil.sh", "run.json/x"]
)
def test_a_parcel_with_a_strange_name_is_no_run(make_run, tmp_path, name):
    parcel = {**pack(make_run()), name: b"evil"}
    with pytest.raises(RunError, match="no run"):
        adopt(parcel, Store(tmp_path / "home"))
    assert list((tmp_path / "home").iterdir()) == []


def test_a_link_is_neither_sent_nor_written_through(make_run, tmp_path):
    run, secret = make_run(), tmp_path / "secret"
    parcel = pack(run)
    secret.write_text("secret")
    run.model.symlink_to(secret)
    assert "model.keras" not in pack(run)
    (tmp_path / "elsewhere").mkdir()
    run.checkpoints.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is a link"):
        unpack({**parcel, "checkpoints/last.npz": b"x"}, Run(run.directory))
    assert list((tmp_path / "elsewhere").iterdir()) == []
