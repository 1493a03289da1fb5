"""Scores of a run on the reporting half of its validation set, computed from saved predictions without TensorFlow."""

import numpy as np

from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.errors import RunError
from dnn_cli.metrics.prediction_scores import compute_scores
from dnn_cli.metrics.saved_predictions import read_reporting_predictions, suggest_new_training
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.input_profile import InputProfile, read_input_profile
from dnn_cli.runs.run import Run


def compute_reporting_scores(run: Run) -> Scores:
    """Return the loss and the metrics of a run on its reporting half, by names such as `accuracy`.

    Every loss and metric of a config can be computed. The scores are those of Keras's `evaluate` apart from rounding,
    except that the loss lacks the penalties of regularizers. Penalties depend on weights alone, and are equal for all
    examples. Scores that are not finite numbers are left out; all scores are left out if an output is not finite.

    Args:
        run: A completed run whose config has `data.reporting_half: true`.

    Raises:
        ConfigError: the config of the run is damaged.
        RunError: the run has no predictions for a reporting half, or a file of the run is damaged.
    """
    arrays = read_reporting_predictions(run)
    if arrays is None:
        raise RunError(
            f"{run.reporting_predictions} is missing",
            f"train a run with data.reporting_half=true to its end; in a study, {suggest_new_training(run)}",
        )
    profile = read_input_profile(run)
    experiment = _load_experiment(run, profile)
    try:
        outputs, labels = arrays["outputs"], arrays["labels"]
        weights, scaling = arrays.get("weights"), None if profile is None else profile.target_scaling
        if not np.isfinite(outputs).all():
            return {}
        if not len(outputs) == len(labels) == len(labels if weights is None else weights) > 0:
            raise ValueError("the arrays have different lengths")
        return compute_scores(experiment, outputs, labels, weights, target_scaling=scaling)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise RunError(f"{run.reporting_predictions} is damaged: {error}", suggest_new_training(run)) from None


def _load_experiment(run: Run, profile: InputProfile | None) -> Experiment:
    """Load the experiment of a run. The input profile describes a user's own data, whose files may be missing.

    Raises:
        ConfigError: the config of the run is damaged.
        RunError: the profile is missing, or lacks the scaling of the targets.
    """
    experiment = load_resolved_experiment(str(run.config))
    is_user_data = experiment.data.dataset in USER_DATA_KINDS
    if profile is None and is_user_data:
        raise RunError(f"{run.inputs} is missing", suggest_new_training(run))
    if experiment.data.standardize_target and (profile is None or profile.target_scaling is None):
        raise RunError(f"{run.inputs} lacks mean and deviation of the targets", suggest_new_training(run))
    if profile is not None and is_user_data:
        return experiment.model_copy(update={"data": experiment.data.with_info(profile.dataset_info)})
    return experiment
