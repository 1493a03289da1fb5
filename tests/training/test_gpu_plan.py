"""The plan of a GPU for every shipped config, played on the CPU: layers, loop and determinism."""

from collections import defaultdict

from dnn_cli.config.loading import load_experiment
from dnn_cli.training.execution_plan import choose_plan
from tests.helpers.gpu_plan_player import play_in_process
from tests.helpers.settings import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
WITHOUT_XLA = {"augmented_cnn", "best_dense", "small_cnn"}

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


def test_shipped_configs_train_deterministically_on_a_gpu():
    """Version 0.7.0 trained small_cnn with XLA, and failed on a GPU. The last lines show that this would be found."""
    paths = defaultdict(list)
    for path in CONFIGS:
        paths[choose_plan(load_experiment(str(path)).experiment, 48_000, gpu=True).determinism].append(path)
    assert {path.stem for path in paths["operations"]} == WITHOUT_XLA
    assert set(paths) == {"operations", "xla"}
    played_plans = {name: played for group in paths.values() for name, played in play_in_process(group).items()}
    assert played_plans.keys() == {path.stem for path in CONFIGS}
    assert {name: problems for name, played in played_plans.items() if (problems := find_problems(played))} == {}
    for played in played_plans.values():
        assert (played["jit"], played["loop"]) == (played["determinism"] == "xla", "counted")
        assert 0 < played["loss"] < 1e5
    as_before = {name: find_problems({**played, "determinism": "xla"}) for name, played in played_plans.items()}
    assert "MaxPoolGrad" in as_before["small_cnn"]
    assert "ImageProjectiveTransformV3" in as_before["augmented_cnn"]
