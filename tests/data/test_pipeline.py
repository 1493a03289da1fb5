import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline, count_batches, shuffle_epoch
from tests.helpers.settings import RUN_ALL_CASES


@pytest.fixture
def examples():
    random = np.random.default_rng(0)
    return Examples(random.integers(0, 17, (50, 8, 8), np.uint8), random.integers(0, 10, 50).astype(np.uint8))


def build_ordered_batches(pipeline, indices):
    return pipeline.build_batches(pipeline.build_fixed_order(indices))


def test_batches_are_the_scaled_images_in_order(examples, experiment):
    indices = np.array([3, 1, 4, 1, 5, 9, 2, 6])
    batches = list(build_ordered_batches(Pipeline(examples, experiment("batch_size=3")), indices))
    assert [len(targets) for _, targets in batches] == [3, 3, 2]
    inputs = np.concatenate([inputs for inputs, _ in batches])
    assert inputs.dtype == np.float32
    assert np.array_equal(inputs, examples.inputs[indices].astype("float32") / 16)
    assert np.array_equal(np.concatenate([labels for _, labels in batches]), examples.targets[indices])


def test_flatten_feeds_rows_of_pixels(examples, experiment):
    ((inputs, _),) = build_ordered_batches(Pipeline(examples, experiment("data.flatten=true")), np.array([7]))
    assert np.array_equal(inputs[0], examples.inputs[7].reshape(-1).astype("float32") / 16)


def test_categorical_crossentropy_gets_one_hot_targets(examples, experiment):
    ((_, targets),) = build_ordered_batches(
        Pipeline(examples, experiment("loss=categorical_crossentropy")), np.array([7])
    )
    assert np.array_equal(targets[0], np.eye(10)[examples.targets[7]])


def test_each_epoch_has_every_example_in_its_own_order(examples, experiment):
    pipeline = Pipeline(examples, experiment("batch_size=16"))
    indices = np.arange(5, 45)
    batches = list(pipeline.build_batches(pipeline.build_shuffled_order(indices, 42), range(2)))
    assert [len(targets) for _, targets in batches] == [16, 16, 8] * 2
    first, second = (np.concatenate([inputs for inputs, _ in part]) for part in (batches[:3], batches[3:]))
    expected = [(examples.inputs[shuffle_epoch(indices, 42, number)] / 16).astype("float32") for number in (0, 1)]
    assert np.array_equal(first, expected[0])
    assert np.array_equal(second, expected[1])


@given(st.integers(1, 50), st.integers(1, 60), st.integers(1, 60))
@settings(
    max_examples=200 if RUN_ALL_CASES else 10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_chunks_hold_the_epoch_order_in_one_shape(examples, experiment, total, batch_size, steps):
    pipeline = Pipeline(examples, experiment(f"batch_size={batch_size}"))
    order = pipeline.build_shuffled_order(np.arange(total), 42)
    chunks = list(pipeline.build_chunks(order, steps, range(3, 4)))
    assert len(chunks) == -(-count_batches(total, batch_size) // steps), "as many as fit makes calls"
    assert len({len(chunk.order) for chunk in chunks}) == 1
    chunk_order = np.concatenate([chunk.order[: int(chunk.count)] for chunk in chunks])
    assert np.array_equal(chunk_order, shuffle_epoch(np.arange(total), 42, 3))
    assert all(len(chunk.inputs) == len(examples) for chunk in chunks), "nothing is copied"


def test_the_order_is_a_pure_function_of_seed_and_epoch():
    indices = np.arange(1000)
    orders = {
        (seed, epoch): tuple(np.array(shuffle_epoch(indices, seed, epoch)))
        for seed in (1, 2**32 - 1)
        for epoch in (0, 1)
    }
    assert len(set(orders.values())) == 4
    assert all(sorted(order) == list(indices) for order in orders.values())
    assert orders[1, 0] == tuple(np.array(shuffle_epoch(indices, 1, 0)))
    assert orders[1, 0][:5] == (189, 983, 888, 397, 239), "the same in every process and version"


def test_scaling_matches_numpy_for_every_pixel_value():
    values = np.arange(256, dtype=np.uint8)
    assert np.array_equal(values.astype("float32") / np.float32(255), (values / 255.0).astype("float32"))
