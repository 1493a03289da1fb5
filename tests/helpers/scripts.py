"""Scripts of plain Keras in the process of a test: their texts, and the models that they train."""

import contextlib
import io
import re

from dnn_cli.config.loading import load_experiment
from dnn_cli.script.origin import TrainingOrigin
from dnn_cli.script.script_builder import build_script
from dnn_cli.script.script_parts import format_program
from dnn_cli.script.training_settings import choose_settings
from tests.helpers.settings import ROOT

SHIPPED_CONFIGS = sorted([*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs" / "textbook").glob("*.yaml")])
CPU_ENVIRONMENT = (
    "TensorFlow 2.21.0, Keras 3.15.1, NumPy 2.4.6 and scikit-learn 1.9.1 on 2 cores of AMD EPYC (family 25, model 17)"
)


def write_program(experiment):
    """Return the text of the script of an experiment that is trained on a CPU."""
    origin = TrainingOrigin("dnn train", choose_settings(experiment, gpu=False), CPU_ENVIRONMENT)
    return format_program(build_script(experiment, origin))


def run_program(text):
    """Run a script in this process, and return the model that it trains."""
    names = {"__name__": "__main__"}
    # TensorFlow looks for the source of a function in its file.
    code = compile(
        text.replace("def shuffle", "@tf.autograph.experimental.do_not_convert\ndef shuffle"), "script", "exec"
    )
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)
    return names["model"]


def run_data_part(text):
    """Run the parts of a script before its model in this process, and return all names with their values."""
    names = {"__name__": "__main__"}
    exec(compile(text.partition("# Build the model.")[0], "script", "exec"), names)
    return names


def load_small_experiment(path, *overrides):
    """Load a shipped config with the overrides of its header that train it on digits."""
    text = path.read_text(encoding="utf-8")
    dataset = load_experiment(str(path)).experiment.data.dataset
    digits = []
    if dataset == "fashion_mnist":
        more = re.findall(r"data.dataset=digits (\S+)", text)
        digits = ["data.dataset=digits", "data.validation_size=0.2", *more]
    return load_experiment(str(path), [*digits, *overrides]).experiment
