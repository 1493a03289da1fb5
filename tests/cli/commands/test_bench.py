import pytest

from dnn_cli.host.resources import format_processor
from tests.helpers.cli_output import parse_json_output
from tests.helpers.digits import DIVERGING_OVERRIDES


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


def test_json_has_seconds_ratio_and_bit_comparison(dnn, config):
    result = parse_json_output(dnn("bench", config(), "jit=false", "batch_size=479", "--repeats", "2", "--json"))
    assert len(result["engine"]["seconds_per_epoch"]) == len(result["keras_fit"]["seconds_per_epoch"]) == 2
    assert result["ratio"] == pytest.approx(result["keras_fit"]["median"] / result["engine"]["median"])
    assert result["bit_identical"] is True
    assert result["machine"] == format_processor()
    assert result["engine"]["jit"] is False


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
