"""`dnn lr-find`: a suggestion with the command that uses it, and no run of it."""

import re

import pytest

from tests import forked
from tests.conftest import document


@pytest.fixture
def find(config, tmp_path):
    """Runs it on digits, with changes."""
    config()
    return lambda *words: forked.run(tmp_path, "lr-find", "digits.yaml", *words)


def test_a_rate_is_suggested_and_nothing_left_behind(find, tmp_path):
    done = find("optimizer=sgd", "optimizer.learning_rate=0.5")
    assert done.returncode == 0
    assert "loss of 512 training examples after a step at each rate" in done.stdout
    rate = re.search(r"^suggested learning rate (\S+)$", done.stdout, re.MULTILINE)[1]
    assert 0.01 < float(rate) < 1
    assert f"  next  dnn train digits.yaml optimizer=sgd optimizer.learning_rate={rate}\n" in done.stdout
    assert "trying learning rates" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["digits.yaml"]


def test_a_schedule_begins_with_the_rate(find):
    schedule = "optimizer.learning_rate={type: CosineDecay, initial_learning_rate: 0.5, decay_steps: 90}"
    found = document(find(schedule, "--json"))
    assert found["learning_rate"]["type"] == "CosineDecay"
    assert found["command"].endswith(f" optimizer.learning_rate.initial_learning_rate={found['suggestion']:g}")
    assert "CosineDecay" in found["command"]
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])


def test_without_a_chart_only_words_are_written(find):
    done = find("--no-chart", "optimizer={type: adam, learning_rate: {type: CosineDecay, warmup_target: 0.1, "
                "initial_learning_rate: 0, decay_steps: 90}}")  # fmt: skip
    assert done.stdout.splitlines()[0].startswith("suggested learning rate")
    assert "in the test a constant rate took the place of CosineDecay" in done.stdout
    assert re.search(r" optimizer\.learning_rate=\S+$", done.stdout.splitlines()[-1])


WRONG = {
    "two configs": (["digits.yaml"], "lr-find takes one config"),
    "a fault in the config": (["optimizer=nothing"], "optimizer"),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_told_in_a_line(find, words, said):
    done = find(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
