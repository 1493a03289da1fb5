import json

import pytest

from dnn_cli.host.resources import format_processor
from tests.helpers.digits import DIVERGING_OVERRIDES
from tests.helpers.forked_cli import run_in_child, start_command


def test_table_and_bit_comparison_are_printed(dnn):
    done = dnn("bench", "data.dataset=digits", "jit=false", "batch_size=479", "--repeats", "1")
    assert done.returncode == 0, done.stderr
    header, _, *rows = done.stdout.splitlines()
    assert header.split() == ["seconds", "per", "epoch", "median", "range", "first", "epoch", "ratio", "to", "dnn"]
    assert [row.split("  ")[0] for row in rows[:3]] == ["dnn", "keras fit, tf.data", "keras fit, arrays"]
    assert rows[-3].startswith("dnn ran 3 batches per call; jit: false")
    assert rows[-2] == f"measured on {format_processor()}"
    assert rows[-1] == "after 2 epochs, the weights of dnn are bit-identical to those of keras fit, tf.data"
    assert "bench: Flatten → Dense 100 relu → Dense 10 softmax" in done.stderr, "a small network is the default"
    assert "epoch 2 of 2: dnn" in done.stderr
    assert not (done.stdout + done.stderr).count("oneDNN")


def run_with_known_benchmark(*arguments):
    """Run a command in a forked process, in which every benchmark has the same result."""
    from dnn_cli.training import benchmark

    seconds = {benchmark.ENGINE: (0.5, 1.0, 1.5), benchmark.KERAS_FIT: (4.0, 2.0, 3.0)}
    benchmark.run_benchmark = lambda job, repeats, progress: benchmark.Benchmark(
        plan=job.plan, seconds=seconds, first_epoch=dict.fromkeys(seconds, 9.0), compared_with=benchmark.KERAS_FIT,
        bit_identical=False, machine="abacus",
    )  # fmt: skip
    run_in_child(*arguments)


def test_json_has_seconds_ratio_and_bit_comparison(config, tmp_path):
    words = ("bench", config(), "jit=false", "batch_size=479", "--json")
    process = start_command(tmp_path, *words, out="out", err="err", target=run_with_known_benchmark)
    process.join(60)
    assert process.exitcode == 0, (tmp_path / "err").read_text()
    result = json.loads((tmp_path / "out").read_text())
    assert (result["schema_version"], result["name"]) == (1, "digits")
    assert result["keras_fit"] == {"seconds_per_epoch": [4.0, 2.0, 3.0], "median": 3.0, "first_epoch": 9.0}
    assert result["contenders"].keys() == {"dnn", "keras fit, tf.data"}
    assert result["ratio"] == 3.0
    assert (result["bit_identical"], result["compared_with"]) == (False, "keras fit, tf.data")
    assert result["machine"] == "abacus"
    assert (result["engine"]["median"], result["engine"]["jit"], result["engine"]["steps"]) == (1.0, False, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["engine=keras"], "but the config has engine: keras", id="nothing to compare"),
        pytest.param(["epochs=x"], "needs a whole number", id="a fault"),
        pytest.param(["--repeats", "0"], "repeats", id="no repeats"),
        pytest.param(["other.yaml"], "other.yaml does not exist", id="no such config"),
        pytest.param(["device=gpu"], "TensorFlow finds no GPU", id="no GPU"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(dnn, config, words, message):
    done = dnn("bench", config(), *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_diverging_network_is_an_error(dnn, config):
    done = dnn("bench", config(), *DIVERGING_OVERRIDES, "jit=false", "--repeats", "1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "dnn: the training diverged: the loss became NaN or infinite in epoch 1"
