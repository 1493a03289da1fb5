"""Part of a script with the settings of the process, which TensorFlow reads before the training."""

from dnn_cli.config.experiment import Experiment
from dnn_cli.script.script_parts import ScriptPart
from dnn_cli.script.training_settings import TrainingSettings


def build_process_part(experiment: Experiment, settings: TrainingSettings) -> ScriptPart | None:
    """Build the part that chooses the processor and deterministic programs; `None` if Keras's defaults fit."""
    imports = ("import tensorflow as tf",)
    if settings.determinism == "operations":
        line = "tf.config.experimental.enable_op_determinism()"
        return ScriptPart("Use deterministic operations on the GPU.", (line,), imports)
    if settings.determinism == "xla":
        line = 'os.environ["XLA_FLAGS"] = "--xla_gpu_autotune_level=0"'
        return ScriptPart("Let XLA choose its programs for the GPU without measurements.", (line,), ("import os",))
    if experiment.device == "cpu":
        return ScriptPart("Train on the CPU.", ('tf.config.set_visible_devices([], "GPU")',), imports)
    return None
