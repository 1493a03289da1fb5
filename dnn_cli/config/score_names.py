"""Names of scores, such as `val_accuracy` and `best.val_loss`, and properties of the scores that they name."""

from dnn_cli.config.losses import ERROR_ALIASES
from dnn_cli.config.metrics import METRIC_CLASSES

METRIC_ALIASES = {
    **{cls.keras_name.rpartition(".")[2]: name for name, cls in METRIC_CLASSES.items()},
    **ERROR_ALIASES,
    "bce": "binary_crossentropy",
    "BCE": "binary_crossentropy",
    "f_beta_score": "fbeta_score",
    "log_cosh_error": "logcosh",
    "acc": "accuracy",
}
"""Names of metrics in a config, by the other names that Keras has for the same metric."""


def expand_score_name(name: str) -> str:
    """Return the full name of a score: `val_acc` → `val_accuracy`, `best.mse` → `best.mean_squared_error`."""
    head, dot, last = name.rpartition(".")
    metric = _get_metric_name(last)
    lead = last.removesuffix(metric)
    return f"{head}{dot}{lead}{METRIC_ALIASES.get(metric, metric)}"


def lower_is_better(score: str) -> bool:
    """Return whether a lower value of a score is better, as for losses and error metrics on any split."""
    name = _get_metric_name(score)
    return name == "loss" or (name in METRIC_CLASSES and METRIC_CLASSES[name].lower_is_better)


def is_share(score: str) -> bool:
    """Return whether a score lies between 0 and 1, so that differences are given in percentage points."""
    cls = METRIC_CLASSES.get(_get_metric_name(score))
    return cls is not None and cls.is_share and not cls.lower_is_better


def counts_examples(score: str) -> bool:
    """Return whether a score is the share of the examples that meet a condition, as accuracy is.

    Such a score changes in steps of 1 / (number of examples).
    """
    cls = METRIC_CLASSES.get(_get_metric_name(score))
    return cls is not None and cls.counts_examples


def _get_metric_name(score: str) -> str:
    """Return the name of a score without `best.` and without its split: `accuracy` for `val_accuracy`."""
    return score.removeprefix("best.").removeprefix("val_").removeprefix("test_")
