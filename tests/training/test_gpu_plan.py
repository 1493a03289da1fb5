"""The plan of a GPU for every shipped config, played on the CPU: layers, loop and determinism."""

from collections import defaultdict

from dnn_cli.config.loading import load_experiment
from dnn_cli.training.execution_plan import choose_plan
from tests.helpers.gpu_plan_player import play_in_process
from tests.helpers.settings import ROOT, RUN_ALL_CASES

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
WITHOUT_XLA = {"augmented_cnn", "best_dense", "cnn_100k", "cnn_500k", "small_cnn"}

RANDOM_WITH_XLA = {
    "Conv2DBackpropFilter", "Conv2DBackpropInput", "CropAndResize", "MaxPoolGrad", "ResizeBilinearGrad",
    "ResizeNearestNeighborGrad", "ResourceScatterAdd", "ScatterNd", "TensorScatterAdd",
}  # fmt: skip
"""Operations that XLA can run in a random order on a GPU: https://openxla.org/xla/determinism

UnsortedSegmentSum is left out: AUC counts examples with it, and sums of whole numbers are exact in any order.
"""

WITHOUT_DETERMINISTIC_KERNEL = {
    "AdjustContrastv2", "Bincount", "CropAndResizeGradBoxes", "CropAndResizeGradImage", "DenseBincount",
    "Dilation2DBackpropFilter", "Dilation2DBackpropInput", "MaxPoolGradWithArgmax", "ResizeNearestNeighborGrad",
    "SparseTensorDenseMatMul",
}  # fmt: skip
"""Operations for which TensorFlow raises an error on a GPU with op determinism: the messages "Determinism is not yet
supported" and "A deterministic GPU implementation is not currently available" of TensorFlow 2.21."""


def find_problems(played):
    """Return what would fail, or be random, on a GPU that trains by a plan."""
    operations = played["operations"]
    if played["determinism"] == "xla":
        lacking = [name for name, kinds in operations.items() if "XLA_GPU_JIT" not in kinds and name != "Placeholder"]
        return sorted(RANDOM_WITH_XLA & operations.keys()) + lacking
    lacking = [name for name, kinds in operations.items() if not {"GPU", "DEFAULT"} & set(kinds)]
    return sorted(WITHOUT_DETERMINISTIC_KERNEL & operations.keys()) + lacking


def select_configs(experiments):
    """Select configs that together have every part of all configs. All configs are played with DNN_TEST_EVERYTHING."""
    tried, selected = set(), []
    parts_of_configs = {path: list_parts(experiment) for path, experiment in experiments.items()}
    # Configs with the most parts come first. They have the parts of many other configs.
    for path, parts in sorted(parts_of_configs.items(), key=lambda item: -len(item[1])):
        if RUN_ALL_CASES or not parts <= tried:
            selected.append(path)
            tried |= parts
    return selected


def list_parts(experiment):
    """Return the parts of an experiment that decide which operations a step of the training has."""
    layers = {(layer.type, getattr(layer, "activation", None)) for layer in experiment.model.stack}
    optimizer = experiment.optimizer.model_dump(exclude={"learning_rate"})
    schedule = getattr(experiment.optimizer.learning_rate, "type", None)
    metrics = {("metric", metric.type) for metric in experiment.metrics}
    return layers | metrics | {experiment.loss.type, repr(optimizer), schedule, experiment.class_weight is None}


def test_shipped_configs_train_deterministically_on_a_gpu():
    """Version 0.7.0 trained convolutions with XLA and failed on a GPU. The last lines show that this would be found."""
    experiments = {path: load_experiment(str(path)).experiment for path in CONFIGS}
    plans = {path: choose_plan(experiment, 48_000, gpu=True) for path, experiment in experiments.items()}
    assert {path.stem for path, plan in plans.items() if plan.determinism == "operations"} == WITHOUT_XLA
    assert {plan.determinism for plan in plans.values()} == {"operations", "xla"}
    for plan in plans.values():
        assert (plan.jit, plan.loop) == (plan.determinism == "xla", "counted")
    paths = defaultdict(list)
    for path in select_configs(experiments):
        paths[plans[path].determinism].append(path)
    played_plans = {name: played for group in paths.values() for name, played in play_in_process(group).items()}
    assert {name: problems for name, played in played_plans.items() if (problems := find_problems(played))} == {}
    assert all(0 < played["loss"] < 1e5 for played in played_plans.values())
    as_before = {name: find_problems({**played, "determinism": "xla"}) for name, played in played_plans.items()}
    assert {"MaxPoolGrad", "ImageProjectiveTransformV3"} <= set(as_before["augmented_cnn"])
