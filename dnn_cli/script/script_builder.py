"""Scripts of plain Keras from experiments, part by part."""

from dnn_cli.config.experiment import Experiment
from dnn_cli.script.loading_part import build_loading_part
from dnn_cli.script.model_part import build_compile_parts, build_model_part
from dnn_cli.script.origin import TrainingOrigin
from dnn_cli.script.process_part import build_process_part
from dnn_cli.script.script_limits import check_script_support, list_differences, list_notes
from dnn_cli.script.script_parts import Script
from dnn_cli.script.set_names import plan_split
from dnn_cli.script.split_part import build_selection_part, build_split_part, build_target_part
from dnn_cli.script.training_part import (
    build_class_weight_part,
    build_evaluation_part,
    build_fit_part,
    build_order_part,
)


def build_script(experiment: Experiment, origin: TrainingOrigin) -> Script:
    """Build the program of plain Keras that trains an experiment.

    Args:
        experiment: The experiment.
        origin: The run whose weights the script repeats, or the training that this machine would start.

    Raises:
        UsageError: a script cannot do what the experiment describes.
        UserDataError: a file of the user's data is missing or invalid.
    """
    check_script_support(experiment)
    settings, plan = origin.settings, plan_split(experiment.data)
    parts = [
        build_process_part(experiment, settings),
        build_loading_part(experiment, plan),
        build_split_part(experiment, plan),
        build_class_weight_part(experiment, plan),
        build_selection_part(experiment, plan),
        build_target_part(experiment),
        build_model_part(experiment, settings),
        *build_compile_parts(experiment, settings),
        build_order_part(experiment),
        build_fit_part(experiment, plan),
        build_evaluation_part(experiment, plan),
    ]
    differences = list_differences(experiment, origin)
    paragraphs = [_describe_agreement(origin, differs=bool(differences)), *differences, *list_notes(experiment)]
    title = f"{experiment.name}: a program of plain Keras, written by dnn script."
    return Script(title, tuple(paragraphs), tuple(part for part in parts if part is not None))


def _describe_agreement(origin: TrainingOrigin, *, differs: bool) -> str:
    """Return the paragraph that says with which programs and processor the weights are equal to those of the run."""
    if differs:
        return f"{origin.environment} repeat the training of {origin.title}, with the differences below."
    return f"{origin.environment} give the weights of {origin.title}, bit for bit."
