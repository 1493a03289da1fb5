"""Train every config as it stands and print its scores, the test set included: the figures in their headers.

    python tests/measure_configs.py [CONFIG…]

Takes about three minutes on two cores. Nothing is kept; the test set is read here and nowhere else.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import keras

from dnn_cli.data.examples import load_test_examples
from dnn_cli.spec.load import load

for config in sys.argv[1:] or sorted(map(str, Path("configs").glob("*.yaml"))):
    experiment = load(config).experiment
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "dnn_cli", "train", config, "--runs-dir", runs, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (run,) = json.loads(done.stdout)["runs"]
        model = keras.saving.load_model(Path(run["dir"]) / "model.keras")
    test = load_test_examples(experiment.data)
    inputs = test.inputs.reshape(-1, *experiment.data.input_shape).astype("float32") / experiment.data.facts.pixel_max
    scores = model.evaluate(inputs, test.labels.astype("int32"), verbose=0, return_dict=True)
    print(
        f"{config:32} val_accuracy last {run['last']['val_accuracy']:.4f} best {run['best']['val_accuracy']:.4f} "
        f"(epoch {run['best']['epoch']})  test {scores['accuracy']:.4f}  {run['seconds']:.0f} s",
        flush=True,
    )
