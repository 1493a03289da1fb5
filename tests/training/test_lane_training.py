"""Runs in lanes: each is a complete run with the bits of its width, whatever happens to the other lanes."""

from dataclasses import replace

import numpy as np
import pytest

from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.execution.fitting import complete_trainings
from dnn_cli.execution.messages import EpochDone, Task
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.worker import start_task
from dnn_cli.runs.run import Run
from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.training_runs import KeptModels

WIDTH = 4
NETWORK = [
    "data.dataset=digits", "epochs=4", "batch_size=479", "loss=mse",
    "layers=[Flatten, {type: Dense, units: 8, activation: relu}, {type: Dense, units: 10}]",
    "optimizer={type: sgd, learning_rate: 0.05, momentum: 0.9}",
]  # fmt: skip
EVENTS = {
    "early stopping": ["early_stopping={monitor: val_loss, min_delta: 100, patience: 1, restore_best_weights: true}"],
    "plateau": ["reduce_lr_on_plateau={monitor: val_loss, min_delta: 100, patience: 1}", "model_checkpoint={}"],
    "divergence": ["optimizer.learning_rate=1000"],
}
"""Overrides with which a callback or an error changes a training."""


@pytest.fixture(scope="module")
def cache():
    """Cache of a process, so that all trainings with an equal number of lanes share one program."""
    process_cache = ProcessCache()
    process_cache.compiled_models = KeptModels(max_models=8)
    return process_cache


@pytest.fixture
def train(cache, tmp_path):
    """A function that trains experiments together, and returns their results by number."""

    def train(*overrides_of_runs, lanes=WIDTH, get_stop_reason=lambda number: "", on_event=lambda event: None):
        tasks = [build_task(number, overrides, lanes) for number, overrides in enumerate(overrides_of_runs)]
        return train_tasks(tasks, get_stop_reason, on_event)

    def build_task(number, overrides, lanes):
        loaded = load_experiment("configs/relu_adam.yaml", [*NETWORK, *overrides])
        return Task(number, loaded, tmp_path / "runs", compute_network_digest(loaded.experiment), lanes=lanes)

    def train_tasks(tasks, get_stop_reason=lambda number: "", on_event=lambda event: None):
        results = {}
        trainings = [start_task(task, cache, on_event, lambda n=task.number: get_stop_reason(n)) for task in tasks]
        complete_trainings(trainings, lambda result: results.update({result.number: result}))
        return [results[task.number] for task in tasks]

    train.build_task, train.tasks = build_task, train_tasks
    return train


def read_weights(result):
    """Return the digest of the final weights, and the rows of the metrics without the times."""
    rows = [{**row, "seconds": 0} for row in Run(result.run_directory).read_metrics()]
    return result.record.results.weights, rows


def test_lanes_are_complete_runs_that_match_single_runs(train, subtests):
    overrides = [["seed=1"], ["seed=2"], ["seed=3", "optimizer.learning_rate=0.01"]]
    for words, lane in zip(overrides, train(*overrides), strict=True):
        (alone,) = train(words, lanes=1)
        with subtests.test(words):
            lane_files, alone_files = (
                sorted(file.name for file in result.run_directory.iterdir()) for result in (lane, alone)
            )
            assert lane_files == alone_files
            assert (lane.status, lane.record.lanes, alone.record.lanes) == ("completed", WIDTH, 1)
            assert lane.record.results.last["loss"] == pytest.approx(alone.record.results.last["loss"], rel=1e-4)
            outputs = [np.load(result.run_directory / "predictions.npz")["outputs"] for result in (lane, alone)]
            assert np.allclose(*outputs, atol=1e-3)


@pytest.mark.skipif(not RUN_ALL_CASES, reason="test_lane_step compares each layer with Keras")
def test_random_layers_have_the_masks_of_single_runs(train):
    """Lanes of layers with random numbers and averages match runs alone, which have the same seeds."""
    layers = (
        "layers=[Flatten, {type: Dropout, rate: 0.2}, {type: Dense, units: 8, activation: relu}, BatchNormalization, "
        "{type: Dense, units: 10}]"
    )
    overrides = [[layers, "epochs=2", "diagnostics=false", f"seed={seed}"] for seed in (1, 2)]
    for words, lane in zip(overrides, train(*overrides), strict=True):
        (alone,) = train([*words, "jit=true"], lanes=1)
        assert lane.record.results.last["loss"] == pytest.approx(alone.record.results.last["loss"], rel=1e-4)


def test_event_of_a_lane_changes_no_other_lane(train, subtests):
    """Early stopping, a lower rate and a divergence act on one lane each, as in a program without other runs."""
    undisturbed = train(*([f"seed={seed}"] for seed in range(4)))
    overrides = [[f"seed={seed}", *words] for seed, words in enumerate([[], *EVENTS.values()])]
    first, *changed = train(*overrides)
    assert read_weights(first) == read_weights(undisturbed[0])
    for words, lane, before in zip(overrides[1:], changed, undisturbed[1:], strict=True):
        with subtests.test(words):
            (by_itself,) = train(words)
            assert read_weights(lane) == read_weights(by_itself) != read_weights(before)
            assert (lane.status, lane.record.epochs, lane.record.reason) == (
                by_itself.status, by_itself.record.epochs, by_itself.record.reason,
            )  # fmt: skip


def test_interrupted_lanes_continue_bit_identically(train):
    """One lane is stopped after an epoch, and the others later. They continue together, from different epochs."""
    overrides = [["seed=1"], ["seed=2"], ["seed=3"]]
    expected = train(*overrides)
    epochs = dict.fromkeys(range(3), 0)

    def on_event(event):
        if isinstance(event, EpochDone):
            epochs[event.number] = event.row["epoch"]

    stopped = train(
        *overrides, get_stop_reason=lambda number: "enough" if epochs[number] > number else "", on_event=on_event
    )
    assert [(result.status, result.record.epochs) for result in stopped] == [("interrupted", n + 1) for n in range(3)]
    tasks = [
        replace(train.build_task(number, words, WIDTH), run_directory=result.run_directory)
        for number, (words, result) in enumerate(zip(overrides, stopped, strict=True))
    ]
    assert list(map(read_weights, train.tasks(tasks))) == list(map(read_weights, expected))


def test_error_of_a_lane_ends_only_this_lane(train, monkeypatch):
    """The metrics of one run cannot be written after its second epoch."""
    from dnn_cli.errors import RunError
    from dnn_cli.training import keras_callbacks

    expected = train(["seed=1"], ["seed=2"])
    write_text = keras_callbacks.write_text

    def fail_for_second_run(path, text):
        if text.count("\n") == 3 and "seed: 2\n" in (path.parent / "config.yaml").read_text():
            raise RunError(f"{path} cannot be written: No space left on device")
        write_text(path, text)

    monkeypatch.setattr(keras_callbacks, "write_text", fail_for_second_run)
    first, second = train(["seed=1"], ["seed=2"])
    assert read_weights(first) == read_weights(expected[0])
    assert second.status == "failed"
    assert "No space left on device" in second.exit_reason


def test_forced_change_that_excludes_lanes_continues_alone(train):
    stopped_after = []
    (stopped,) = train(
        ["seed=1"], get_stop_reason=lambda number: "enough" if stopped_after else "",
        on_event=lambda event: isinstance(event, EpochDone) and stopped_after.append(event),
    )  # fmt: skip
    task = train.build_task(0, ["seed=1", "jit=false"], 1)
    (continued,) = train.tasks([replace(task, run_directory=stopped.run_directory, force=True)])
    assert (continued.status, continued.record.lanes) == ("completed", 1)
    assert "lanes: 4 → 1" in continued.record.resumed[-1].forced
