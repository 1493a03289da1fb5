"""Log lines of commands: -v, -vv and DNN_LOG, and the stacks of threads in a single process."""

import logging
import re
import signal
import subprocess
import time

import pytest

from dnn_cli.host import process_log
from tests.helpers.digits import QUICK_OVERRIDES
from tests.helpers.forked_cli import start_command

LINE = re.compile(r" *\d+\.\d{3} s  \d+  (info |debug)  [a-z_.]+: .+")
TIMEOUT = 60


def test_commands_are_silent_without_a_request(program, dnn, config, make_run):
    config()
    make_run()
    assert program("check", "digits.yaml").stderr == ""
    for words in (["runs"], ["--help"]):
        assert dnn(*words).stderr == ""


@pytest.mark.parametrize(
    "words",
    [["-v", "runs"], ["runs", "-v"], ["runs", "--verbose"], ["-v", "runs", "-v"], ["runs", "show", "digits", "-v"]],
    ids=" ".join,
)
def test_option_precedes_or_follows_the_command(dnn, make_run, words):
    make_run()
    done = dnn(*words)
    lines = done.stderr.splitlines()
    assert done.returncode == 0 and all(map(LINE.fullmatch, lines))
    assert re.search(rf"cli.verbosity: dnn .* started at .* UTC: dnn {' '.join(words)}$", lines[0])
    assert len([line for line in lines if "runs.run_index: runs read: 1 in runs, without the index" in line]) == 1
    assert "run_index" not in done.stdout


def test_index_hits_are_logged(dnn, make_run):
    for number in range(50):
        make_run(digits=f"{number:08x}")
    assert "runs read: 50 in runs, of which the index has 0" in dnn("runs", "-v").stderr
    assert "runs read: 50 in runs, of which the index has 50" in dnn("runs", "-v").stderr


def test_training_logs_each_step(dnn, config, tmp_path):
    config()
    small = ["layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "optimizer=sgd", "batch_size=479"]
    done = dnn("train", "digits.yaml", "-v", "jit=true", *small, DNN_LOG="steps.log")
    assert done.returncode == 0, done.stderr
    steps = [
        "config read: digits.yaml", "data loaded: digits, 1797 examples", "run created: runs/", "XLA cache ",
        "network built", "training starts on CPU", "model saved: runs/", "model evaluated on 360", "run recorded: ",
    ]  # fmt: skip
    log = (tmp_path / "steps.log").read_text()
    for text in (done.stderr, log):
        lines = [line for line in text.splitlines() if LINE.fullmatch(line)]
        positions = [next(index for index, line in enumerate(lines) if step in line) for step in steps]
        assert positions == sorted(positions)
    assert all(map(LINE.fullmatch, log.splitlines())), "no lines of other libraries"
    for detail in ("epoch 2 ended", "checkpoint saved after epoch 2"):
        assert detail in log and detail not in done.stderr
    times = [float(line.split()[0]) for line in log.splitlines()]
    assert times == sorted(times) and times[0] < TIMEOUT


def test_log_file_is_continued_and_has_the_error(dnn, config, tmp_path):
    config("epochs: -1")
    for _ in range(2):
        done = dnn("summary", "digits.yaml", DNN_LOG="steps.log")
        assert done.returncode == 2 and "debug" not in done.stderr
    text = (tmp_path / "steps.log").read_text()
    assert text.count("started at") == text.count("Traceback") == text.count("the command ends with an error") == 2


def test_unwritable_log_file_is_a_usage_error(dnn, tmp_path):
    done = dnn("runs", DNN_LOG="missing/steps.log")
    assert (done.returncode, done.stdout) == (2, "")
    assert "DNN_LOG: missing/steps.log cannot be written: No such file or directory" in done.stderr


def test_full_disk_of_log_file_ends_no_command(dnn, config):
    config()
    done = dnn("check", "digits.yaml", DNN_LOG="/dev/full")
    assert (done.returncode, done.stderr) == (0, "")


def test_lines_of_other_libraries_are_left_out(tmp_path):
    handler = process_log.add_log_file(tmp_path / "x.log", logging.DEBUG)
    try:
        for name in ("tensorflow", "absl", "optuna", "dnn_cli.training"):
            logging.getLogger(name).error("from %s", name)
    finally:
        logging.getLogger("dnn_cli").removeHandler(handler)
        handler.close()
        logging.getLogger("dnn_cli").setLevel(logging.NOTSET)
        logging.getLogger("dnn_cli").propagate = True
    assert (tmp_path / "x.log").read_text().endswith("training: from dnn_cli.training\n")
    assert "optuna" not in (tmp_path / "x.log").read_text()


def test_stacks_of_a_training_go_to_its_log(config, tmp_path):
    config()
    process = start_command(tmp_path, "train", "digits.yaml", *QUICK_OVERRIDES, "epochs=1000000")
    try:
        deadline = time.monotonic() + TIMEOUT
        while not list(tmp_path.glob("runs/*/metrics.csv")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (log,) = tmp_path.glob("runs/*/train.log")
        subprocess.run(["kill", f"-{signal.SIGUSR2.value}", str(process.pid)], check=True)
        while "most recent call first" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        subprocess.run(["kill", f"-{signal.SIGUSR1.value}", str(process.pid)], check=True)
        process.join(TIMEOUT)
        assert process.exitcode == 128 + signal.SIGUSR1
        assert "in fit" in log.read_text()
        assert "most recent call first" not in (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.join(TIMEOUT)
