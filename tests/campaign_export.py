"""Every layer, activation, task and way to scale inputs in every format, each compared in its own runtime.

    python -m tests.campaign_export [A PART OF A CASE'S NAME]

Takes about ten minutes; what fails is told at the end, and the exit code is then 1.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

import dnn_cli
from dnn_cli.data.known import known_of
from dnn_cli.errors import DnnError
from dnn_cli.runs.run import Run
from dnn_cli.spec.parts import ActivationName
from dnn_cli.training.export import export
from dnn_cli.training.noise import divert_output
from dnn_cli.training.runtimes import RUNTIMES

ENDINGS = {"keras": ".keras", "savedmodel": "", "onnx": ".onnx", "litert": ".tflite"}
SOFTMAX = "{type: Dense, units: 10, activation: softmax}"


def images(*layers: str) -> str:
    """A stack that looks at digits as images, and ends in ten classes."""
    return stack("{type: Reshape, target_shape: [8, 8, 1]}", *layers, "Flatten", SOFTMAX)


def stack(*layers: str, data: str = "dataset: digits", more: str = "") -> str:
    """A config with these layers."""
    lines = "".join(f"    - {layer}\n" for layer in layers)
    return f"name: case\ndata: {{{data}}}\nmodel:\n  layers:\n{lines}{more}"


LAYERS = {
    "Conv2D": "{type: Conv2D, filters: 4, kernel_size: 3, activation: relu}",
    "Conv2D same, strides 2": "{type: Conv2D, filters: 4, kernel_size: 3, strides: 2, padding: same}",
    "Conv2D dilated": "{type: Conv2D, filters: 4, kernel_size: 3, dilation_rate: 2}",
    "MaxPooling2D": "MaxPooling2D",
    "MaxPooling2D same": "{type: MaxPooling2D, pool_size: 3, padding: same}",
    "AveragePooling2D": "{type: AveragePooling2D, pool_size: 2}",
    "AveragePooling2D same": "{type: AveragePooling2D, pool_size: 3, padding: same}",
    "GlobalAveragePooling2D keepdims": "{type: GlobalAveragePooling2D, keepdims: true}",
    "BatchNormalization": "BatchNormalization",
    "BatchNormalization axis 1": "{type: BatchNormalization, axis: 1}",
    "LayerNormalization": "LayerNormalization",
    "LayerNormalization axes": "{type: LayerNormalization, axis: [1, 2]}",
    "Rescaling": "{type: Rescaling, scale: 2.0, offset: -1.0}",
    "Dropout": "{type: Dropout, rate: 0.5}",
    "GaussianNoise": "{type: GaussianNoise, stddev: 0.1}",
    "RandomFlip": "RandomFlip",
    "RandomRotation": "{type: RandomRotation, factor: 0.1}",
    "RandomTranslation": "{type: RandomTranslation, height_factor: 0.1, width_factor: 0.1}",
    "RandomZoom": "{type: RandomZoom, height_factor: 0.1}",
}
"""One layer each, on (8, 8, 1)."""

CASES = {
    **{name: images(layer) for name, layer in LAYERS.items()},
    "Conv2D in groups": images("{type: Conv2D, filters: 4, kernel_size: 1}",
                               "{type: Conv2D, filters: 4, kernel_size: 3, groups: 2}"),
    "Dense on images": images("{type: Dense, units: 3}"),
    "GlobalAveragePooling2D": stack("{type: Reshape, target_shape: [8, 8, 1]}",
                                    "{type: Conv2D, filters: 10, kernel_size: 3}", "GlobalAveragePooling2D",
                                    "{type: Activation, activation: softmax}"),
    "RandomFlip before BatchNormalization": images("RandomFlip", "BatchNormalization",
                                                   "{type: Conv2D, filters: 4, kernel_size: 3}"),
    **{f"activation {name}": stack("Flatten", f"{{type: Dense, units: 16, activation: {name}}}", SOFTMAX)
       for name in get_args(ActivationName) if name != "glu"},
    "activation glu": stack("Flatten", "{type: Dense, units: 20, activation: glu}",
                            more="loss: {type: sparse_categorical_crossentropy, from_logits: true}\n"),
    "logits": stack("Flatten", "{type: Dense, units: 10}",
                    more="loss: {type: sparse_categorical_crossentropy, from_logits: true}\n"),
    "standardized images": stack("Flatten", SOFTMAX, data="dataset: digits, standardize: true"),
    "standardized, three axes": stack("Flatten", SOFTMAX, data="dataset: digits, standardize: true").replace(
        "    - Flatten\n", "    - {type: Reshape, target_shape: [4, 4, 4]}\n    - Flatten\n"),
    "flattened": stack("{type: Dense, units: 8}", SOFTMAX, data="dataset: digits, flatten: true"),
    "sigmoid unit": stack("{type: Dense, units: 1, activation: sigmoid}", data="dataset: breast_cancer",
                          more="loss: binary_crossentropy\n"),
    "standardized table": stack("{type: Dense, units: 1, activation: sigmoid}",
                                data="dataset: breast_cancer, standardize: true", more="loss: binary_crossentropy\n"),
    "regression": stack("{type: Dense, units: 8, activation: relu}", "{type: Dense, units: 1}",
                        "{type: Rescaling, scale: 77.0, offset: 150.0}", data="dataset: diabetes",
                        more="loss: mse\nmetrics: [mae]\n"),
    "names in Korean": stack("{type: Flatten, name: 펼치기}", "{type: Dense, units: 8, name: 은닉층}",
                             "{type: Dense, units: 10, activation: softmax, name: 출력층}").replace(
        "model:\n", "model:\n  name: 패션 모델\n"),
    "names that are taken": stack("{type: Flatten, name: inputs}", "{type: Dense, units: 8, name: scaling}", SOFTMAX),
    "16 bits": stack("Flatten", "{type: Dense, units: 8}", SOFTMAX, more="mixed_precision: true\n"),
    "engine keras": stack("Flatten", SOFTMAX, more="engine: keras\n"),
}  # fmt: skip


def outcome(run: Run, form: str, folder: Path, *, scaling: bool) -> str:
    """How far a run is from itself in a format, or why it cannot be had."""
    try:
        checked = export(run.model, run.read_record(), known_of(run, run.read_record()), form,
                         folder / f"{form}{scaling}{ENDINGS[form]}", scaling=scaling)  # fmt: skip
    except DnnError as error:
        return f"FAILS: {error.message}"
    return f"{checked.difference:.1e}"


def main() -> int:
    """Try all, tell a line each, and count what fails."""
    wanted, failed = " ".join(sys.argv[1:]), []
    screen = os.fdopen(os.dup(1), "w")
    for name, text in CASES.items():
        if wanted not in name:
            continue
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, divert_output():
            config = Path(folder) / "case.yaml"
            config.write_text(text, encoding="utf-8")
            trained = dnn_cli.load(str(config)).train(folder)
            run, found = Run(trained.directory), {}
            for form in RUNTIMES:
                for scaling in (True, False):
                    found[f"{form}{'' if scaling else ' unscaled'}"] = outcome(run, form, Path(folder), scaling=scaling)
        failed += [f"{name}: {form}: {said}" for form, said in found.items() if said.startswith("FAILS")]
        told = "  ".join(f"{form} {said}" for form, said in found.items())
        print(f"{name} ({time.perf_counter() - begun:.0f} s): {told}", file=screen, flush=True)
    print(f"{len(failed)} failed", *failed, sep="\n", file=screen)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
