"""Causes in the data and in settings are named with the evidence that shows them, and with a valid change."""

from dataclasses import replace

import numpy as np
import pytest

from dnn_cli.config.datasets import DATASETS, DatasetInfo
from dnn_cli.config.loading import load_experiment
from dnn_cli.explain.explanation import explain_run
from dnn_cli.formats.table_columns import ColumnOptions
from tests.helpers.explained_runs import build_input_profile, build_layer_states, build_predictions
from tests.helpers.typed_tables import fit_table

FELL = {"loss": (1.0, 0.5, 0.4, 0.35, 0.34, 0.339), "val_loss": (0.9, 0.5, 0.42, 0.39, 0.39, 0.389)}
GUESSED = {"loss": (2.4, 2.31, 2.304), "val_loss": (2.4, 2.32, 2.305), "accuracy": (0.1, 0.1, 0.1)}
TABLE = "data: {dataset: wine}\nmodel: {layers: [{type: Dense, units: 3, activation: softmax}]}\nepochs: 6\n"
CLASSES = build_predictions(0.8, 0.6, 300, 3)


def get_finding(explained, kind):
    (finding,) = [finding for finding in explained.findings if finding.kind == kind]
    return finding


def build_columns(**at):
    """13 columns of size 1 but for one, by the names of `build_input_profile`."""
    return {name: np.where(np.arange(13) == 4, value, 1 if name != "average" else 0) for name, value in at.items()}


def explain_wine_run(make_run_info, inputs, digits="00000001", **more):
    labels, outputs = more.pop("predicted", CLASSES)
    return explain_run(
        make_run_info(text=TABLE, **{**FELL, **more}, inputs=inputs, labels=labels, outputs=outputs, digits=digits)
    )


def test_unscaled_inputs_are_found(make_run_info):
    inputs = build_input_profile(
        DATASETS["wine"], **build_columns(average=750.0, deviation=300.0, minimum=278.0, maximum=1680.0)
    )
    finding = get_finding(explain_wine_run(make_run_info, inputs), "unscaled_inputs")
    assert finding.observation == "input 5 ranges from 278 to 1,680"
    assert finding.suggestions[0].overrides == ("data.standardize=true",)
    assert finding.severity == "advice"
    near = build_input_profile(DATASETS["wine"], **build_columns(average=6.0, deviation=0.8))
    assert "unscaled_inputs" not in {
        finding.kind for finding in explain_wine_run(make_run_info, near, "00000002").findings
    }


def test_unscaled_inputs_are_the_cause_of_divergence(make_run_info):
    """C13: areas, years and incomes as they are."""
    inputs = build_input_profile(
        DATASETS["wine"], **build_columns(average=1e5, deviation=5e4, minimum=1e4, maximum=2e5)
    )
    explained = explain_run(
        make_run_info(text=TABLE, loss=(1.0,), status="diverged", reason="the loss was no number", inputs=inputs)
    )
    assert [finding.kind for finding in explained.findings[:2]] == ["divergence", "unscaled_inputs"]
    assert explained.findings[0].suggestions[0].overrides == ("data.standardize=true",)
    assert "input 5 ranges from 10,000 to 200,000" in explained.findings[0].observation


def test_batch_normalization_of_inputs_is_accepted(make_run_info):
    inputs = build_input_profile(DATASETS["wine"], **build_columns(average=750.0, deviation=300.0))
    text = TABLE.replace("layers: [", "layers: [BatchNormalization, ")
    explained = explain_run(make_run_info(text=text, **FELL, inputs=inputs, labels=CLASSES[0], outputs=CLASSES[1]))
    assert "unscaled_inputs" not in {finding.kind for finding in explained.findings}


def test_column_of_row_numbers_is_found(make_run_info):
    marks = (np.arange(13) == 2).astype(int)
    finding = get_finding(
        explain_wine_run(make_run_info, build_input_profile(DATASETS["wine"], numbering=marks, alone=0.97 * marks)),
        "row_numbers",
    )
    assert finding.observation.startswith("column input 3: integers without gaps")
    assert finding.severity == "trouble"
    harmless = build_input_profile(DATASETS["wine"], numbering=marks, alone=np.zeros(13))
    assert get_finding(explain_wine_run(make_run_info, harmless, "00000002"), "row_numbers").severity == "advice"


def test_column_that_predicts_the_target_alone_is_found(make_run_info):
    alone = np.where(np.arange(13) == 7, 1.0, 0.4)
    finding = get_finding(
        explain_wine_run(make_run_info, build_input_profile(DATASETS["wine"], alone=alone)), "label_in_inputs"
    )
    assert "input 8 alone avoids 100%" in finding.observation
    easy = build_input_profile(DATASETS["wine"], alone=np.full(13, 0.99))
    assert "label_in_inputs" not in {
        finding.kind for finding in explain_wine_run(make_run_info, easy, "00000002").findings
    }


COPIED = {
    "many": ((0.8, 0.0), True),
    "a few": ((0.1, 0.0), False),
    "many, as rows are often equal": ((0.8, 0.5), False),
}


@pytest.mark.parametrize(("copies", "named"), COPIED.values(), ids=COPIED.keys())
def test_copies_in_the_validation_set_are_found(make_run_info, copies, named):
    explained = explain_wine_run(make_run_info, build_input_profile(DATASETS["wine"], copies=copies))
    assert ("copies" in {finding.kind for finding in explained.findings}) == named


def test_split_in_target_order_is_found(make_run_info):
    inputs = build_input_profile(DATASETS["wine"], labels=np.repeat([0, 1, 2], [60, 80, 2]))
    labels = np.repeat([1, 2], [10, 40])
    outputs = np.eye(3, dtype=np.float32)[np.ones(50, int)] * 0.7 + 0.1
    finding = get_finding(explain_wine_run(make_run_info, inputs, predicted=(labels, outputs)), "label_order")
    assert finding.observation == "class class_2 has 1% of the training examples and 80% of the validation examples"
    assert finding.suggestions[0].overrides == ("data.stratify=true",)
    same = build_input_profile(DATASETS["wine"], labels=np.arange(142) % 3)
    assert "label_order" not in {finding.kind for finding in explain_wine_run(make_run_info, same, "00000002").findings}


def test_validation_inputs_on_a_different_scale_are_found(make_run_info):
    ones = np.ones(13)
    other = build_input_profile(DATASETS["wine"], validation_average=0 * ones, validation_deviation=255 * ones)
    assert explain_wine_run(make_run_info, other).findings[0].kind == "other_inputs"
    same = build_input_profile(DATASETS["wine"], validation_average=0.1 * ones, validation_deviation=0.9 * ones)
    assert "other_inputs" not in {
        finding.kind for finding in explain_wine_run(make_run_info, same, "00000002").findings
    }


RATES = {
    "steps in epochs": ("{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 20}", "trouble",
                        "the learning rate is 0 after 20 of 270 steps (45 steps per epoch)"),
    "hardly any fall": ("{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 10000000}", "advice",
                        "the learning rate falls only from"),
    "as long as the training": ("{type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 270}", None, ""),
    "a warm-up without an end": ("{type: Warmup, learning_rate: 0.1, warmup_steps: 300}", "advice",
                                 "the warm-up needs 300 steps, but the training has 270"),
}  # fmt: skip


@pytest.mark.parametrize(("rate", "weight", "text"), RATES.values(), ids=RATES.keys())
def test_schedule_that_does_not_fit_the_training_is_found(make_run_info, rate, weight, text):
    """C17."""
    explained = explain_run(make_run_info("epochs=6", f"optimizer={{type: sgd, learning_rate: {rate}}}", **FELL))
    schedule_findings = [finding for finding in explained.findings if finding.kind == "schedule"]
    assert [finding.severity for finding in schedule_findings] == ([weight] if weight else [])
    for finding in schedule_findings:
        assert text in finding.observation
        changed = load_experiment(str(explained.run.config), finding.suggestions[0].overrides)
        assert not [issue for issue in changed.advice if "learning rate" in str(issue) or "warm-up" in str(issue)]


OUTPUTS = {
    "one unit of softmax": (["data={dataset: breast_cancer, standardize: true}", "loss=binary_crossentropy",
                             "layers=[{type: Dense, units: 1, activation: softmax}]"], "1 for every input", "sigmoid"),
    "ten units of sigmoid": (["layers=[Flatten, {type: Dense, units: 10, activation: sigmoid}]"],
                             "a separate probability for each", "softmax"),
    "no softmax": (["layers=[Flatten, {type: Dense, units: 10}]"], "needs probabilities", "softmax"),
    "softmax twice": (["loss={type: sparse_categorical_crossentropy, from_logits: true}"], "without an activation",
                      "linear"),
}  # fmt: skip


@pytest.mark.parametrize(("overrides", "text", "needed"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_last_layer_that_does_not_fit_the_loss_is_found(make_run_info, overrides, text, needed):
    explained = explain_run(make_run_info("epochs=3", *overrides, **GUESSED, predicted=False))
    finding = get_finding(explained, "output_misfit")
    assert text in finding.observation
    assert finding.suggestions[0].overrides[0].endswith(f".activation={needed}")


def test_accuracy_of_logits_is_found(make_run_info):
    explained = explain_run(make_run_info(
        "epochs=6", "data={dataset: breast_cancer, standardize: true}",
        "loss={type: binary_crossentropy, from_logits: true}", "layers=[{type: Dense, units: 1}]", **FELL,
        predicted=False,
    ))  # fmt: skip
    assert "above 0.5" in get_finding(explained, "metric_misfit").observation


def test_inaccurate_batch_normalization_averages_are_found(make_run_info):
    """C19."""
    labels, outputs = np.arange(16) % 2, np.full((16, 1), 0.6, np.float32)
    text = (
        "data: {dataset: breast_cancer, standardize: true}\nmodel: {layers: [{type: Dense, units: 8}, "
        "BatchNormalization, {type: Dense, units: 1, activation: sigmoid}]}\nloss: binary_crossentropy\nepochs: 5\n"
    )
    explained = explain_run(
        make_run_info(
            text=text,
            loss=(0.6, 0.3, 0.1, 0.05, 0.02),
            val_loss=(0.7,) * 5,
            accuracy=(0.7, 0.9, 1.0, 1.0, 1.0),
            labels=labels,
            outputs=outputs,
            states=build_layer_states(5, 0.01, 0.01, loss=0.7, correct=0.5),
            data={"train": 48},
        )
    )
    finding = explained.findings[0]
    assert finding.kind == "batch_norm_averages"
    assert "accuracy is 1.00 in training and 0.50 in validation" in finding.observation
    assert "after 10 steps the moving averages" in finding.observation
    assert finding.suggestions[0].overrides == ("layers.1.momentum=0.9",)


def test_large_batches_are_found(make_run_info):
    explained = explain_run(make_run_info("epochs=3", "batch_size=1437", **GUESSED))
    finding = get_finding(explained, "large_batch")
    assert "1,437 examples in batches of 1,437 are 1 step per epoch, 3 in the whole training" in finding.observation
    assert finding.suggestions[0].overrides == ("batch_size=32",)
    fine = explain_run(make_run_info("epochs=6", "batch_size=1437", **FELL, accuracy=(0.9,) * 6, digits="00000002"))
    assert "large_batch" not in {finding.kind for finding in fine.findings}


ABOVE = {
    "an average over the epoch": ([], 0.9, "good", "average over the epoch"),
    "easier examples": ([], 0.7, "advice", "easier or different examples"),
    "dropout": (["layers=[Flatten, {type: Dropout, rate: 0.5}, {type: Dense, units: 10, activation: softmax}]"], 0.7,
                None, ""),
}  # fmt: skip


@pytest.mark.parametrize(("overrides", "measured", "weight", "text"), ABOVE.values(), ids=ABOVE.keys())
def test_validation_accuracy_above_training_is_explained(make_run_info, overrides, measured, weight, text):
    curves = {**FELL, "accuracy": (0.3, 0.5, 0.6, 0.66, 0.68, 0.7)}
    run_info = make_run_info(
        "epochs=6",
        *overrides,
        **curves,
        states=build_layer_states(6, 0.01, 0.01, loss=0.4, correct=measured),
        data={"train": 1437, "validation": 360},
    )
    epoch_scores = [{**scores, "val_accuracy": 0.9} for scores in run_info.run.read_metrics()]
    run_info.run.write_metrics(epoch_scores)
    gap_findings = [
        finding for finding in explain_run(run_info).findings if finding.kind == "validation_above_training"
    ]
    assert [finding.severity for finding in gap_findings] == ([weight] if weight else [])
    assert all(text in finding.meaning for finding in gap_findings)


def test_penalties_above_the_loss_are_found(make_run_info):
    layers = (
        "layers=[Flatten, {type: Dense, units: 16, activation: relu, name: hidden, kernel_regularizer: {type: l2, "
        "l2: 1.0}}, {type: Dense, units: 10, activation: softmax, name: output}]"
    )
    states = build_layer_states(3, 0.01, 0.01, loss=2.3, correct=0.1)
    explained = explain_run(
        make_run_info(
            "epochs=3", layers, loss=(9.0, 8.0, 7.0), val_loss=(9.0, 8.0, 7.0), states=states, accuracy=(0.1, 0.1, 0.1)
        )
    )
    finding = get_finding(explained, "strong_penalty")
    assert "penalties are 67% of the training loss 7" in finding.observation
    assert finding.suggestions[0].overrides == ("layers.hidden.kernel_regularizer={type: l2, l2: 1e-5}",)


def test_early_stop_after_one_worse_epoch_is_found(make_run_info):
    explained = explain_run(make_run_info(
        "epochs=50", "early_stopping={monitor: val_loss, patience: 1}", loss=(1.0, 0.7, 0.5), val_loss=(0.9, 0.7, 0.71),
        reason="stopped early: val_loss did not improve for 1 epoch",
    ))  # fmt: skip
    finding = get_finding(explained, "stopped_early")
    assert "after 3 of 50 epochs" in finding.observation
    assert finding.suggestions[0].overrides[0] == "early_stopping.patience=5"


def test_barely_moving_weights_have_a_total_change(make_run_info):
    states = [
        *build_layer_states(0, 0.01, 0.01),
        *build_layer_states(6, 0.01, 0.01, update=0.004, since=5, moved=0.021),
    ]
    finding = get_finding(explain_run(make_run_info("epochs=6", **FELL, states=states)), "barely_moving")
    assert finding.observation.endswith("the largest change since epoch 0 is 2.10%")


def test_too_narrow_hidden_layer_is_found(make_run_info):
    narrow = "layers.hidden.units=2"
    finding = get_finding(explain_run(make_run_info("epochs=6", narrow, **FELL, accuracy=(0.7,) * 6)), "under_fitting")
    assert (finding.title, finding.severity) == ("a hidden layer is too narrow", "advice")
    assert "2 units for 10 classes" in finding.observation
    assert finding.suggestions[0].overrides == ("layers.hidden.units=32",)
    fine = explain_run(make_run_info("epochs=6", narrow, **FELL, accuracy=(0.97,) * 6, digits="00000002"))
    assert "under_fitting" not in {finding.kind for finding in fine.findings}


def test_large_initial_weights_are_found(make_run_info):
    layers = "layers.hidden.kernel_initializer={type: random_normal, stddev: 5.0}"
    states = [
        *build_layer_states(0, 0.01, 0.01, loss=27.0, correct=0.1),
        *build_layer_states(6, 0.01, 0.01, loss=0.4, correct=0.9),
    ]
    finding = get_finding(explain_run(make_run_info("epochs=6", layers, **FELL, states=states)), "large_start")
    assert finding.observation == "before training the loss is 27, and the best constant prediction has 2.303"
    assert finding.suggestions[0].overrides == ("layers.hidden.kernel_initializer=glorot_uniform",)
    usual = explain_run(make_run_info("epochs=6", **FELL, states=states, digits="00000002"))
    assert "large_start" not in {finding.kind for finding in usual.findings}


NOISE = {
    "dropout": ("{type: Dropout, rate: 0.95}", "strong_dropout", "layers.2.rate=0.3"),
    "noise": ("{type: GaussianNoise, stddev: 1.0}", "strong_noise", "layers.2.stddev=0.1"),
    "a little dropout": ("{type: Dropout, rate: 0.3}", None, ""),
}


@pytest.mark.parametrize(("layer", "kind", "change"), NOISE.values(), ids=NOISE.keys())
def test_strong_dropout_and_noise_are_found(make_run_info, layer, kind, change):
    layers = f"layers=[Flatten, {{type: Dense, units: 32}}, {layer}, {{type: Dense, units: 10, activation: softmax}}]"
    states = build_layer_states(3, 0.01, 0.01, loss=2.0, correct=0.6)
    explained = explain_run(
        make_run_info("epochs=3", layers, **{**GUESSED, "accuracy": (0.1, 0.12, 0.14)}, states=states)
    )
    strong_findings = [finding for finding in explained.findings if finding.kind.startswith("strong_")]
    assert [finding.kind for finding in strong_findings] == ([kind] if kind else [])
    assert all(finding.suggestions[0].overrides == (change,) for finding in strong_findings)


def test_learning_rate_lowered_too_early_is_found(make_run_info):
    plateau = "reduce_lr_on_plateau={monitor: val_loss, patience: 0, factor: 0.01}"
    explained = explain_run(make_run_info("epochs=3", plateau, **GUESSED, rate=[0.01, 1e-4, 1e-6]))
    assert "schedule" not in {finding.kind for finding in explained.findings}, (
        "two epochs of three are not the first half"
    )
    curves = {name: [*values, *values] for name, values in GUESSED.items()}
    explained = explain_run(make_run_info("epochs=6", plateau, **curves, rate=[0.01, 1e-4, 1e-6, 1e-6, 1e-6, 1e-6],
                             digits="00000002"))  # fmt: skip
    assert (
        get_finding(explained, "schedule").observation
        == "reduce_lr_on_plateau lowered it from 0.01 to 0.0001 until epoch 2 of 6"
    )


def test_relu_output_for_negative_targets_is_found(make_run_info):
    text = (
        "data: {dataset: diabetes}\nloss: mse\nmetrics: []\nepochs: 3\n"
        "model: {layers: [{type: Dense, units: 1, activation: relu}]}\n"
    )
    labels = np.linspace(-5, 5, 60)[:, None]
    curves = {"loss": (9.0, 8.9, 8.8), "val_loss": (9.0, 8.9, 8.8)}
    explained = explain_run(make_run_info(text=text, **curves, labels=labels, outputs=np.maximum(labels, 0)))
    finding = get_finding(explained, "output_misfit")
    assert "the smallest target is -5" in finding.observation
    assert finding.suggestions[0].overrides == ("layers.0.activation=linear",)


def explain_typed_run(make_run_info, tmp_path, digits="00000001", **arrays):
    """Explain a run of a table with a category of four inputs, a date of four and two numbers."""
    rows = "".join(f"{'abc'[at % 3]},2024-01-{at % 28 + 1:02d},{at},{at % 5},{'uv'[at % 2]}\n" for at in range(300))
    columns = {"kind": "category", "when": "date", "size": "number", "age": "number"}
    options = {name: ColumnOptions(column_type) for name, column_type in columns.items()}
    _, spec = fit_table(tmp_path / "t.csv", f"kind,when,size,age,y\n{rows}", options)
    typed = tuple(column.column for column in spec.encoding.columns)
    info = DatasetInfo(
        input_shape=spec.shape, classes=("u", "v"), examples=300, features=spec.encoding.input_names, columns=typed
    )
    profile = replace(build_input_profile(info, **arrays), encoding=spec.encoding)
    text = (
        "data: {dataset: csv, path: t.csv, columns: {kind: category, when: date}}\n"
        "model: {layers: [{type: Dense, units: 2, activation: softmax}]}\n"
    )
    labels, outputs = build_predictions(0.8, 0.6, 300, 2)
    return explain_run(
        make_run_info(text=text, **FELL, inputs=profile, labels=labels, outputs=outputs, digits=digits,
                      data={"dataset": "csv", "train": 240}),
    )  # fmt: skip


def test_category_that_predicts_the_target_alone_is_one_column(make_run_info, tmp_path):
    alone = [1, 1, 0.9, 0, 0.1, 0, 0, 0.2, 0.3, 0.1]
    explained = explain_typed_run(make_run_info, tmp_path, alone=alone, numbering=np.zeros(10))
    finding = get_finding(explained, "label_in_inputs")
    assert finding.observation.startswith("kind alone avoids 100%")
    assert finding.suggestions[0].overrides == ('data.ignore=["kind"]',)


def test_days_of_a_date_are_no_row_numbers(make_run_info, tmp_path):
    marks = [0, 0, 0, 0, 0, 0, 0, 1, 1, 0]
    explained = explain_typed_run(make_run_info, tmp_path, numbering=marks, alone=np.zeros(10))
    finding = get_finding(explained, "row_numbers")
    assert finding.observation == "column size: integers without gaps, one for each row"
    assert finding.suggestions[0].overrides == ('data.ignore=["size"]',)
