"""The plan of a GPU for every shipped config, played on the CPU: layers, loop and determinism."""

import json
import subprocess
import sys
from collections import defaultdict

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.training.execution_plan import choose_plan
from tests.helpers.settings import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
WITHOUT_XLA = ("augmented_cnn", "best_dense", "small_cnn")

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


def choose(path):
    """Choose the plan of a GPU for a config."""
    return choose_plan(load_experiment(str(path)).experiment, 48_000, gpu=True)


@pytest.fixture(scope="module")
def played_plans():
    """Plans and operations of all configs. Each setting of determinism has its own process."""
    paths = defaultdict(list)
    for path in CONFIGS:
        paths[choose(path).determinism].append(str(path))
    played = {}
    for group in paths.values():
        command = [sys.executable, "-m", "tests.helpers.gpu_plan_player", *group]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        played |= json.loads(done.stdout)
    return played


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_config_trains_deterministically_on_a_gpu(played_plans, path):
    played = played_plans[str(path)]
    has_xla = path.stem not in WITHOUT_XLA
    assert (played["jit"], played["determinism"]) == (has_xla, "xla" if has_xla else "operations")
    assert played["loop"] == "counted"
    assert 0 < played["loss"] < 1e5
    assert find_problems(played) == []


def test_pooling_with_xla_would_be_found(played_plans):
    """Version 0.7.0 trained this config with XLA, and failed on a GPU."""
    small_cnn = played_plans[str(ROOT / "configs" / "small_cnn.yaml")]
    assert "MaxPoolGrad" in find_problems({**small_cnn, "determinism": "xla"})
    augmented = played_plans[str(ROOT / "configs" / "augmented_cnn.yaml")]
    assert "ImageProjectiveTransformV3" in find_problems({**augmented, "determinism": "xla"})
