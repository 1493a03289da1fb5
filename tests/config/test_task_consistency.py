"""What a loss, metrics, an output and data of one task need of each other."""

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.metrics import PredictionCount
from dnn_cli.config.registry import CLASSES_BY_KIND
from dnn_cli.config.score_names import lower_is_better
from dnn_cli.errors import ConfigError

TASKS = {
    "classes": ["data.dataset=iris", "layers=[{type: Dense, units: 3, activation: softmax}]"],
    "two classes": [
        "data.dataset=breast_cancer", "layers=[{type: Dense, units: 1, activation: sigmoid}]",
        "loss=binary_crossentropy",
    ],
    "two classes as two outputs": [
        "data.dataset=breast_cancer", "layers=[{type: Dense, units: 2, activation: softmax}]",
    ],
    "regression": [
        "data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=mse", "metrics=[mae, r2_score]",
    ],
}  # fmt: skip


@pytest.mark.parametrize("overrides", TASKS.values(), ids=TASKS)
def test_consistent_task_has_no_issues(config, overrides):
    assert load_experiment(config(), overrides).advice == ()


@pytest.mark.parametrize(
    ("task", "override", "line"),
    [
        pytest.param("regression", "loss=binary_crossentropy",
                     "loss  binary_crossentropy needs classes, but diabetes is for regression  "
                     "(use mean_squared_error)", id="loss of classes for numbers"),
        pytest.param("classes", "loss=mape", "loss  mean_absolute_percentage_error is for regression, but iris "
                     "has 3 classes  (use sparse_categorical_crossentropy)", id="loss of numbers for classes"),
        pytest.param("classes", "loss=binary_crossentropy", "loss  binary_crossentropy is for two classes, but iris "
                     "has 3  (use sparse_categorical_crossentropy)", id="loss of two classes for three"),
        pytest.param("regression", "metrics=[accuracy]", "metrics.0  accuracy needs class numbers, one-hot vectors or "
                     "0 and 1 as targets, but mean_squared_error uses real numbers  (use mean_absolute_error)",
                     id="accuracy of numbers"),
        pytest.param("two classes", "layers.0.units=2", "model.layers.0.units  the output shape of the last layer, "
                     "dense, is (None, 2), but binary_crossentropy is for one output and needs (None, 1)  "
                     "(write units: 1)", id="two outputs where one is needed"),
        pytest.param("regression", "layers.0.units=3", "is (None, 3), but diabetes has one target "
                     "and needs (None, 1)  (write units: 1)", id="outputs that nothing is known of"),
        pytest.param("two classes", "metrics=[f1_score]", "metrics.0  f1_score of one output needs a threshold",
                     id="f1 without a threshold"),
        pytest.param("two classes", "metrics=[{type: recall, class_id: 1}]", "metrics.0.class_id  is not a class",
                     id="a class beyond the outputs"),
        pytest.param("regression", "class_weight=balanced", "class_weight  needs classes, but diabetes", id="weights"),
        pytest.param("classes", "class_weight={setosaa: 2}", "class_weight.setosaa  setosaa is not a class of iris  "
                     "(did you mean setosa?)", id="weight of a class that is not there"),
        pytest.param("classes", "class_weight={3: 2}", "class_weight.3  3 is not a class of iris",
                     id="class by number"),
        pytest.param("regression", "data.stratify=true", "data.stratify  needs classes", id="stratified numbers"),
        pytest.param("classes", "early_stopping.monitor=val_los", "early_stopping.monitor  val_los is not a score of "
                     "this training  (did you mean val_loss?)", id="score that is not there"),
        pytest.param("classes", "reduce_lr_on_plateau={patience: 2, monitor: val_auc}", "val_auc is not a score",
                     id="metric that is not asked for"),
        pytest.param("classes", "class_weight={setosa: 2, 0: 3}", "class_weight.0  0 is the same class as setosa",
                     id="one class by name and number"),
        pytest.param("classes", "early_stopping.patience=two", "early_stopping.patience  needs a whole number",
                     id="patience in words"),
        pytest.param("classes", "early_stopping.patient=2", "early_stopping.patient  is not a key of early_stopping  "
                     "(did you mean patience?)", id="unknown key of a callback"),
        pytest.param("classes", "data.target=x", "data.target  iris does not accept target  "
                     "(remove it: only csv and parquet data accepts this key)",
                     id="key of own data"),
        pytest.param("classes", "data.dataset=csv", "data  dataset: csv needs a path", id="own data without a path"),
        pytest.param("classes", "data.test_size=0.99999", "leaves none of the 150 examples", id="nothing left"),
    ],
)  # fmt: skip
def test_inconsistent_task_gives_one_issue(config, task, override, line):
    with pytest.raises(ConfigError) as refused:
        load_experiment(config(), [*TASKS[task], override])
    assert line in str(refused.value)
    assert len(refused.value.issues) == 1


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        pytest.param("auc", "metrics.0.from_logits  auc and binary_crossentropy must have", id="auc"),
        pytest.param("precision", "metrics.0  precision needs probabilities", id="precision"),
        pytest.param("{type: f1_score, threshold: 0.5}", "metrics.0  f1_score needs probabilities", id="f1"),
        pytest.param("true_positives", "metrics.0  true_positives needs probabilities", id="counts"),
        pytest.param("binary_accuracy", "metrics.0  binary_accuracy needs probabilities", id="binary accuracy"),
    ],
)
def test_probability_metrics_are_refused_for_logits(config, metric, line):
    logits = ["~layers.0.activation", "loss={type: binary_crossentropy, from_logits: true}"]
    with pytest.raises(ConfigError) as refused:
        load_experiment(config(), [*TASKS["two classes"], *logits, f"metrics=[{metric}]"])
    assert line in str(refused.value)
    load_experiment(config(), [*TASKS["two classes"], *logits, "metrics=[accuracy, {type: auc, from_logits: true}]"])


def test_ema_with_restored_weights_is_refused(config):
    with pytest.raises(ConfigError, match="overwrites the averaged weights"):
        load_experiment(config(), ["optimizer={type: adam, use_ema: true}", "early_stopping.restore_best_weights=true"])


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        pytest.param([], "swap_ema_weights  needs the averages", id="optimizer without averages"),
        pytest.param(
            ["optimizer.use_ema=true", "model_checkpoint={}"],
            "swap_ema_weights.swap_on_epoch  must be true with model_checkpoint",
            id="saved weights that are not averaged",
        ),
        pytest.param(
            ["optimizer.use_ema=true", "swap_ema_weights.swap_on_epoch=true", "early_stopping={}"],
            "swap_ema_weights.swap_on_epoch  with early_stopping, Keras ends with weights that are not averaged",
            id="final weights that are not averaged",
        ),
    ],
)
def test_swap_of_weights_that_saves_other_weights_is_refused(config, overrides, line):
    with pytest.raises(ConfigError) as refused:
        load_experiment(config(), ["swap_ema_weights={}", *overrides])
    assert line in str(refused.value)


def test_averaged_weights_of_the_best_epoch_are_accepted(config):
    swap = ["optimizer.use_ema=true", "swap_ema_weights.swap_on_epoch=true", "model_checkpoint={}"]
    load_experiment(config(), [*swap, "early_stopping.restore_best_weights=true"])
    load_experiment(config(), ["optimizer.use_ema=true", "swap_ema_weights={}", "early_stopping={}"])


def test_numeric_class_names_are_not_indices(config, tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i},{i % 3 + 1}\n" for i in range(30)))
    text = "data: {dataset: csv, path: t.csv}\nmodel: {layers: [{type: Dense, units: 3, activation: softmax}]}\n"
    load_experiment(config(text), ["class_weight={1: 2, 3: 1}"])
    with pytest.raises(ConfigError, match=r"class_weight\.0  0 is not a class of t\.csv"):
        load_experiment(config(text), ["class_weight={0: 2, 1: 5}"])


def test_val_score_needs_validation_set(config):
    overrides = [*TASKS["classes"], "data.validation_size=0", "early_stopping.patience=2"]
    with pytest.raises(ConfigError, match=r"val_ scores need validation examples"):
        load_experiment(config(), overrides)
    experiment = load_experiment(config(), [*overrides, "early_stopping.monitor=loss"]).experiment
    assert experiment.monitor == "accuracy"


def test_reduce_lr_with_schedule_is_refused(config):
    schedule = "optimizer.learning_rate={type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}"
    with pytest.raises(ConfigError, match="cannot be combined with a learning rate schedule"):
        load_experiment(config(), [schedule, "reduce_lr_on_plateau={}"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param([*TASKS["two classes"], "layers.0.activation=relu"], "output activation is relu, but", id="relu"),
        pytest.param([*TASKS["two classes"], "loss.from_logits=true"], "needs outputs without", id="logits"),
        pytest.param([*TASKS["regression"], "layers.0.activation=sigmoid"], "numbers of any size", id="sigmoid"),
    ],
)  # fmt: skip
def test_unsuitable_output_activation_gives_advice(config, overrides, message):
    (advice,) = load_experiment(config(), overrides).advice
    assert message in str(advice)


@pytest.mark.parametrize("name", CLASSES_BY_KIND["metric"])
def test_metric_direction_matches_keras(name):
    cls = CLASSES_BY_KIND["metric"][name]
    metric = cls(**({cls.rate_key: 0.5} if hasattr(cls, "rate_key") else {})).build_keras_object()
    direction = getattr(metric, "_direction", None)
    if direction is not None:
        assert lower_is_better(name) == lower_is_better(f"val_{name}") == (direction == "down")
    else:
        # Keras has no direction for the bare name and for numbers of predictions.
        assert name == "accuracy" or issubclass(cls, PredictionCount)
