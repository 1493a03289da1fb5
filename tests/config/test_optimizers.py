"""Our arguments, defaults and memory against Keras's own optimizers."""

import inspect
import math

import keras
import pytest
from pydantic import TypeAdapter

from dnn_cli.config import validation
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import compute_stages, list_trainable_weights
from dnn_cli.config.loading import load_experiment
from dnn_cli.config.optimizer_union import Optimizer
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.errors import ConfigError
from tests.helpers.keras_signatures import KERAS, get_keras_class, is_in_keras, to_plain_default

OPTIMIZERS = [
    pytest.param(name, marks=pytest.mark.skipif(not is_in_keras(cls), reason=f"needs Keras {cls.min_keras_version}"))
    for name, cls in CLASSES_BY_KIND["optimizer"].items()
]
IGNORED_ARGUMENTS = {
    "initializer": {"input_axes", "output_axes"},
    "loss": {"reduction", "dtype", "axis"},
    # Keras counts ignored examples as 0 without weights only, so that the metric has no `ignore_class`.
    "metric": {"dtype", "from_sorted_ids", "axis", "ignore_class"},
    "auc": {"thresholds", "multi_label", "num_labels", "label_weights"},
    "f1_score": {"average"},  # ours has a default, as Keras's gives no single number
    "fbeta_score": {"average"},
    "r2_score": {"class_aggregation", "num_regressors"},
}
"""Arguments of Keras for other uses, of a kind or of one name."""


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_has_keras_arguments_and_defaults(name):
    compare_signature(CLASSES_BY_KIND["optimizer"][name], set())


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in ("schedule", "initializer", "regularizer", "constraint", "loss", "metric")
        for name in CLASSES_BY_KIND[kind]
    ],
)
def test_other_configs_have_keras_arguments_and_defaults(kind, name):
    compare_signature(
        CLASSES_BY_KIND[kind][name], IGNORED_ARGUMENTS.get(kind, set()) | IGNORED_ARGUMENTS.get(name, set())
    )


def compare_signature(cls, left_out):
    theirs = dict(inspect.signature(get_keras_class(cls).__init__).parameters)
    for key in ("self", "args", "kwargs", "name", *left_out):
        theirs.pop(key, None)
    ours = {key: field for key, field in cls.model_fields.items() if key != "type" and key not in left_out}
    assert set(ours) == set(theirs)
    for key, field in ours.items():
        assert field.is_required() == (theirs[key].default is inspect.Parameter.empty), key
        if not field.is_required():
            assert to_plain_default(field.get_default()) == to_plain_default(theirs[key].default), key


@pytest.mark.parametrize(
    "arguments",
    [
        *[pytest.param({"type": name}, id=name, marks=parameter.marks) for parameter in OPTIMIZERS
          for name in parameter.values],
        pytest.param({"type": "sgd", "momentum": 0.9}, id="sgd with momentum"),
        pytest.param({"type": "rmsprop", "momentum": 0.9, "centered": True}, id="rmsprop with everything"),
        pytest.param({"type": "adam", "amsgrad": True, "use_ema": True}, id="adam with amsgrad and averages"),
        pytest.param({"type": "adam", "gradient_accumulation_steps": 2}, id="adam with accumulated gradients"),
        pytest.param({"type": "muon", "exclude_layers": ["^sequential/output"]}, id="muon without the output",
                     marks=pytest.mark.skipif(KERAS < (3, 13), reason="needs Keras 3.13")),
    ],
)  # fmt: skip
def test_optimizer_memory_matches_keras(arguments):
    experiment = Experiment.model_validate(
        {
            "name": "x",
            "optimizer": arguments,
            "model": {
                "layers": [
                    {"type": "Reshape", "target_shape": [8, 8, 1]},
                    {"type": "Conv2D", "filters": 3, "kernel_size": 2},
                    "BatchNormalization",
                    "Flatten",
                    {"type": "Dense", "units": 10, "name": "output"},
                ]
            },
            "data": {"dataset": "digits"},
        }
    )
    stages = compute_stages(experiment.model.layers, experiment.data.input_shape)
    layers = [stage.layer.build_keras_object(name=stage.name) for stage in stages]
    model = keras.Sequential([keras.Input((8, 8)), *layers], name="sequential")
    optimizer = experiment.optimizer.build_keras_object()
    optimizer.build(model.trainable_variables)
    variable_count = sum(math.prod(v.shape) for v in optimizer.variables if len(v.shape))  # scalars: counters and rates
    assert experiment.optimizer.compute_memory(list_trainable_weights("sequential", stages)) == 4 * variable_count


@pytest.mark.parametrize("schedule", [
    {"type": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    {"type": "InverseTimeDecay", "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    {"type": "PolynomialDecay", "initial_learning_rate": 0.1, "decay_steps": 10},
    {"type": "PiecewiseConstantDecay", "boundaries": [5], "values": [0.1, 0.01]},
    {"type": "CosineDecay", "initial_learning_rate": 0.0, "decay_steps": 10, "warmup_target": 0.1, "warmup_steps": 5},
    {"type": "CosineDecayRestarts", "initial_learning_rate": 0.1, "first_decay_steps": 4},
], ids=lambda schedule: schedule["type"])  # fmt: skip
def test_schedule_is_built_with_its_arguments(schedule):
    arguments = {key: value for key, value in schedule.items() if key != "type"}
    expected = getattr(keras.optimizers.schedules, schedule["type"])(**arguments)
    optimizer = TypeAdapter(Optimizer).validate_python({"type": "sgd", "learning_rate": schedule})
    built = optimizer.learning_rate.build_keras_object()
    assert [float(built(step)) for step in (0, 3, 7)] == [float(expected(step)) for step in (0, 3, 7)]


def test_optimizer_missing_in_installed_keras_is_refused(config, monkeypatch):
    monkeypatch.setattr(validation, "version", lambda package: "3.12.4")
    with pytest.raises(ConfigError, match=r"optimizer  schedule_free_adamw needs Keras 3\.14, but Keras 3\.12\.4"):
        load_experiment(config(), ["optimizer=schedule_free_adamw"], to_train=True)
