"""Kernels and feature maps of convolutions, before and after a training, compared with Keras's own layers."""

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import split_examples
from dnn_cli.errors import RunError
from dnn_cli.metrics.network_filters import count_dead_maps
from dnn_cli.training.feature_maps import compute_network_filters
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.training_job import prepare_job
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.training_runs import load_cached_examples

EXAMPLE = 3


@pytest.fixture(scope="module")
def filters_case(tmp_path_factory):
    """A job, its untrained model, a model with other weights in a file, and its filters. No model is trained."""
    directory = tmp_path_factory.mktemp("filters")
    (directory / "digits.yaml").write_text(DIGITS_YAML, encoding="utf-8")
    layers = (
        "layers=[{type: Reshape, target_shape: [8, 8, 1]}, {type: Conv2D, filters: 3, kernel_size: 3, name: 첫째, "
        "activation: relu}, {type: Conv2D, filters: 2, kernel_size: 2}, Flatten, {type: Dense, units: 10, "
        "activation: softmax, name: output}]"
    )
    experiment = load_experiment(str(directory / "digits.yaml"), [layers]).experiment
    examples = load_cached_examples(experiment.data)
    job = prepare_job(experiment, examples, split_examples(experiment.data, examples))
    untrained, trained = (build_model(experiment, job.preprocessing.target_scaling) for _ in range(2))
    kernel = np.array(trained.layers[1].kernel) + 0.1
    kernel[..., 1] = 0
    trained.layers[1].kernel.assign(kernel)
    trained.save(directory / "model.keras")
    filters = compute_network_filters(job, directory / "model.keras", None, EXAMPLE)
    return job, untrained, trained, filters


def test_kernels_are_those_before_and_after(filters_case):
    _, untrained, trained, filters = filters_case
    assert [kernel.layer for kernel in filters.kernels] == ["첫째", "conv2d"]
    for kernel, index in zip(filters.kernels, (1, 2), strict=True):
        assert np.array_equal(kernel.initial, untrained.layers[index].kernel)
        assert np.array_equal(kernel.trained, trained.layers[index].kernel)
        assert np.array_equal(kernel.trained_images[1], kernel.trained[:, :, 0, 1])


def test_maps_are_the_outputs_of_the_layers(filters_case):
    job, untrained, trained, filters = filters_case
    example = job.examples[job.split.validation[[EXAMPLE]]]
    inputs = example.inputs.astype(np.float32) / job.preprocessing.scale
    for model, side in ((untrained, "untrained"), (trained, "trained")):
        outputs = inputs.reshape(1, 8, 8)
        for index, layer in enumerate(model.layers):
            outputs = layer(outputs)
            if index in (1, 2):
                maps = getattr(filters.maps[index - 1], side)
                assert np.allclose(np.moveaxis(maps, 0, -1), outputs[0], atol=1e-6)
    assert filters.prediction == str(int(np.argmax(outputs)))


def test_filter_of_zeros_has_a_dead_map(filters_case):
    *_, filters = filters_case
    assert not filters.maps[0].trained[1].any()
    assert filters.maps[0].untrained[1].any()
    assert count_dead_maps(filters.maps[0].trained) == 1


@pytest.mark.parametrize("layer", ["첫째", "conv2d"])
def test_one_layer_can_be_chosen(filters_case, layer, tmp_path):
    job, untrained, *_ = filters_case
    untrained.save(tmp_path / "model.keras")
    filters = compute_network_filters(job, tmp_path / "model.keras", layer, 0)
    assert [kernel.layer for kernel in filters.kernels] == [maps.layer for maps in filters.maps] == [layer]


def test_damaged_file_has_a_suggestion(filters_case, tmp_path):
    job, *_ = filters_case
    (tmp_path / "model.keras").write_bytes(b"damaged")
    with pytest.raises(RunError) as raised:
        compute_network_filters(job, tmp_path / "model.keras", None, 0)
    assert raised.value.suggestion == "train a new run with its config.yaml"
