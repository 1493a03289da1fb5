"""Residual blocks in a config: shapes, errors with their places, overrides, and texts of differences."""

import pytest

from dnn_cli.config.config_diff import find_config_differences
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import ShapeError, compute_stages, examine_stack
from dnn_cli.config.lint import find_advice
from dnn_cli.config.network_summary import format_layer_flow, iter_indented_rows, summarize_network
from dnn_cli.config.validation import find_experiment_issues

CONV = {"type": "Conv2D", "filters": 4, "kernel_size": 3, "padding": "same"}


def build_experiment(*layers):
    """An experiment on digits whose stack has these layers between a Reshape and the output."""
    stack = [
        {"type": "Reshape", "target_shape": [8, 8, 1]},
        *layers,
        "GlobalAveragePooling2D",
        {"type": "Dense", "units": 10, "activation": "softmax"},
    ]
    return Experiment.model_validate({"name": "x", "data": {"dataset": "digits"}, "model": {"layers": stack}})


def test_projection_has_a_kernel_only_where_shapes_differ():
    block = build_experiment({"residual": [CONV]}).model.stack[1]
    assert [weight.name for weight in block.list_weights((8, 8, 4))] == ["conv2d/kernel", "conv2d/bias"]
    assert block.list_weights((8, 8, 1))[-1][:2] == ("projection/kernel", (1, 1, 1, 4))


def test_strides_of_inner_layers_reach_the_projection():
    block = build_experiment({"residual": [{**CONV, "strides": 2}]}).model.stack[1]
    assert block.compute_output_shape((7, 8, 1)) == (4, 4, 4)
    assert block.count_multiply_adds((8, 8, 1)) == 16 * 4 * 9 + 16 * 4


def test_shape_without_a_projection_is_refused():
    block = build_experiment({"residual": [{**CONV, "padding": "valid"}]}).model.stack[1]
    with pytest.raises(ShapeError, match="write padding: same"):
        compute_stages([block], (8, 8, 1))


def test_error_of_an_inner_layer_has_its_place_in_the_config():
    wide = {"type": "Conv2D", "filters": 4, "kernel_size": 9}
    experiment = build_experiment({"repeat": 2, "layers": [{"residual": [CONV, wide]}]})
    (issue,) = find_experiment_issues(experiment)
    assert issue.path == ("model", "layers", 1, "layers", 0, "residual", 1)
    assert "conv2d_1" in issue.message


def test_nested_blocks_take_little_time():
    block = {"residual": [CONV]}
    for _ in range(12):
        block = {"residual": [block, CONV]}
    stages, errors = examine_stack(build_experiment(block).model.stack, (8, 8))
    assert not errors
    assert stages[1].output_shape == (8, 8, 4)


def test_summary_lists_inner_layers_below_their_block():
    summary = summarize_network(build_experiment({"name": "block", "residual": [CONV, "BatchNormalization"]}))
    names = [name for name, _ in iter_indented_rows(summary.layers)]
    assert names[1:4] == ["block", "  conv2d", "  batch_normalization"]
    assert summary.depth == 2
    assert summary.total == sum(row.parameters for row in summary.layers)


def test_advice_on_inner_layers_names_their_place():
    linear, selu = {**CONV, "use_bias": False}, {**CONV, "activation": "selu"}
    blocks = {"repeat": 2, "layers": [{"residual": [linear, selu]}]}
    assert [(issue.path[2:], issue.suggestion) for issue in find_advice(build_experiment(blocks))] == [
        ((1, "layers", 0, "residual", 0), "add activation: relu"),
        ((1, "layers", 0, "residual", 1, "kernel_initializer"), "use lecun_normal"),
    ]


def test_flow_shows_the_layers_of_a_block():
    assert "Residual (Conv2D 4) → Global" in format_layer_flow(build_experiment({"residual": [CONV]}))


def test_difference_within_a_block_names_the_block():
    configs = [
        build_experiment({"name": "block", "residual": [{**CONV, "filters": filters}]}).model_dump(mode="json")
        for filters in (4, 8)
    ]
    assert find_config_differences(configs) == [{"layers.block.residual.0.filters": text} for text in ("4", "8")]
