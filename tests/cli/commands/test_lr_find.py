"""`dnn lr-find` suggests a learning rate with the command that uses the suggestion, and makes no run."""

import re

import pytest

from tests.helpers import forked_cli
from tests.helpers.cli_output import parse_json_output

QUICK = ["jit=false", "batch_size=479"]
"""Overrides without the compilation by XLA, which takes five seconds, and with batches of one size."""


@pytest.fixture
def find(config, tmp_path):
    """Runs it on digits with changes."""
    config()
    return lambda *words: forked_cli.run_command(tmp_path, "lr-find", "digits.yaml", *QUICK, *words)


def test_rate_is_suggested_and_no_run_created(find, tmp_path):
    done = find("optimizer=sgd", "optimizer.learning_rate=0.5")
    assert done.returncode == 0
    assert "loss of 512 training examples after one step at each rate" in done.stdout
    rate = re.search(r"^suggested learning rate (\S+)$", done.stdout, re.MULTILINE)[1]
    assert 0.01 < float(rate) < 1
    words = f"{' '.join(QUICK)} optimizer=sgd optimizer.learning_rate={rate}"
    assert f"  next  dnn train digits.yaml {words}\n" in done.stdout
    assert "trying learning rates" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["digits.yaml"]


DECAY = "{type: CosineDecay, initial_learning_rate: 0.5, decay_steps: 90}"


@pytest.mark.parametrize(
    ("schedule", "key"),
    [
        (DECAY, "initial_learning_rate"),
        (f"{{type: Warmup, warmup_steps: 9, learning_rate: {DECAY}}}", "learning_rate.initial_learning_rate"),
    ],
    ids=["decay", "warm-up"],
)
def test_schedule_starts_with_the_suggested_rate(find, schedule, key):
    result = parse_json_output(find(f"optimizer.learning_rate={schedule}", "--json"))
    assert result["command"].endswith(f" optimizer.learning_rate.{key}={result['suggestion']:g}")
    assert "CosineDecay" in result["command"]
    assert len(result["rates"]) == len(result["losses"]) == len(result["smoothed"])


def test_no_chart_option_prints_only_text(find):
    done = find("--no-chart", "optimizer={type: adam, learning_rate: {type: CosineDecay, warmup_target: 0.1, "
                "initial_learning_rate: 0, decay_steps: 90}}")  # fmt: skip
    assert done.stdout.splitlines()[0].startswith("suggested learning rate")
    assert "the test used constant rates instead of CosineDecay" in done.stdout
    assert re.search(r" optimizer\.learning_rate=\S+$", done.stdout.splitlines()[-1])


WRONG = {
    "two configs": (["digits.yaml"], "lr-find accepts one config"),
    "a fault in the config": (["optimizer=nothing"], "optimizer"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG.keys())
def test_bad_input_is_one_line(find, words, message):
    done = find(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
