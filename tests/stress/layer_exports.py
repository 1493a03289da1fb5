"""Export every layer with random arguments, and compare outputs in the runtime of each format.

The models are untrained. An export must have the outputs of Keras, or the layer must declare an obstacle. Layers that
only act in training are left out, because exported models do not contain them. Failures are printed with the
arguments, and the exit code is then 1. An export takes about a second.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

from dnn_cli.config.base import Shape
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.export.export_formats import EXPORT_FORMATS, ExportFormat
from dnn_cli.host.output_redirect import redirect_output
from tests.helpers.hypothesis_layers import single_layers
from tests.helpers.keras_signatures import is_in_keras

LARGEST_INPUT = 4000
TOLERANCE = 1e-4


def draw_layers(cls: type[BaseLayer], count: int, number: int) -> list[tuple[Shape, BaseLayer]]:
    """Draw input shapes and layers of a class, without repetitions: at most `count`."""
    drawn: dict[str, tuple[Shape, BaseLayer]] = {}

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(single_layers(cls))
    def collect(pair: tuple[Shape, tuple[BaseLayer]]) -> None:
        shape, (layer,) = pair
        if np.prod(shape) <= LARGEST_INPUT:
            drawn[f"{shape} {layer.model_dump_json(exclude_defaults=True)}"] = shape, layer

    collect()
    return list(drawn.values())


def build_model(layer: BaseLayer, shape: Shape) -> keras.Sequential:
    """Build an untrained model with a layer and an output layer of three classes."""
    keras.utils.clear_session()
    end = [] if len(layer.compute_output_shape(shape)) == 1 else [keras.layers.Flatten()]
    output = keras.layers.Dense(3, activation="softmax")
    return keras.Sequential([keras.Input(shape), layer.build_keras_object(), *end, output])


def build_inputs(layer: BaseLayer, shape: Shape) -> np.ndarray:
    """Build random inputs for four examples, which are whole numbers for a layer that takes these."""
    generator = np.random.default_rng(0)
    if layer.takes_integers:
        return generator.integers(0, layer.integer_limit or 5, (4, *shape)).astype(np.float32)
    return generator.normal(0, 1, (4, *shape)).astype(np.float32)


def find_problem(layer: BaseLayer, shape: Shape, export_format: ExportFormat) -> str:
    """Describe why the export of a layer fails or has other outputs; an empty text if the outputs are equal."""
    model, inputs = build_model(layer, shape), build_inputs(layer, shape)
    try:
        expected = np.asarray(model.predict(inputs, verbose=0))
    except ValueError as error:
        # Keras refuses use_cudnn: true without a GPU.
        return "" if "cuDNN is not supported" in str(error) else f"Keras: {error}"[:200]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"model{export_format.suffix}"
        try:
            export_format.write(model, path)
            outputs = export_format.compute(path, inputs)
        except Exception as error:  # converters and runtimes raise exceptions of many classes
            return f"{type(error).__name__}: {error}"[:200]
    difference = float(np.abs(outputs - expected).max())
    return f"differs by {difference:.1e}" if difference > TOLERANCE else ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", default="", help="check only layers whose type contains this text")
    parser.add_argument("--count", type=int, default=8, help="largest number of models for a layer (default: 8)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the arguments (default: 1)")


def run(options: argparse.Namespace) -> int:
    """Export the layers, and print a line for each and for each failure."""
    screen = os.fdopen(os.dup(1), "w")
    failures = 0
    for name, cls in LAYERS_BY_TYPE.items():
        if options.name.lower() not in name.lower() or not is_in_keras(cls) or cls.is_training_only:
            continue
        started, tried, refused = time.perf_counter(), 0, 0
        for shape, layer in draw_layers(cls, options.count, options.seed):
            for export_format in EXPORT_FORMATS.values():
                if any(part.get_export_obstacle(export_format.name) for part in layer.iter_layers()):
                    refused += 1
                    continue
                with redirect_output():
                    problem = find_problem(layer, shape, export_format)
                tried += 1
                if problem:
                    failures += 1
                    arguments = layer.model_dump_json(exclude_defaults=True)
                    print(f"  {export_format.name}: {arguments} on {shape}: {problem}", file=screen, flush=True)
        seconds = time.perf_counter() - started
        print(f"{name:40}{tried:4} exports, {refused} refused, {seconds:.0f} s", file=screen, flush=True)
    print(f"{failures} failures", file=screen, flush=True)
    return int(failures > 0)
