"""Tables, documents and CSV files of predictions with samples: each mean has its standard deviation."""

import numpy as np
import pytest

from dnn_cli.formats.prediction_inputs import PredictionInputs
from dnn_cli.metrics.sampled_predictions import DropoutSampling, SampledPredictions
from dnn_cli.report.prediction_adjustment import apply_adjustment
from dnn_cli.report.prediction_csv import format_prediction_csv
from dnn_cli.report.prediction_tables import Predictions, build_prediction_documents, build_prediction_table
from dnn_cli.runs.evaluations import ChosenThreshold, FittedTemperature

MEANS = np.array([[0.125, 0.625, 0.25], [0.5, 0.25, 0.25]])
FLOWERS = ["data.dataset=iris", "loss={type: sparse_categorical_crossentropy, from_logits: true}", "epochs=1"]
TUMOURS = ["data.dataset=breast_cancer", "loss={type: binary_crossentropy, from_logits: true}"]
DISEASE = ["data.dataset=diabetes", "loss=mse", "metrics=[mae]"]


def build_predictions(experiment, means, words, units):
    inputs = PredictionInputs("new.npz", np.zeros((len(means), 1), np.float32))
    predictions = Predictions(
        experiment(*words, f"layers=[{{type: Dense, units: {units}}}]"), tuple(inputs.input_names),
        ("new.npz",) * len(means), (None,) * len(means), means.astype(np.float32), ([],) * len(means),
        SampledPredictions(means, means / 10, DropoutSampling(100, 42)),
    )  # fmt: skip
    return predictions, inputs


@pytest.fixture
def flowers(experiment):
    return build_predictions(experiment, MEANS, FLOWERS, units=3)


def test_class_has_mean_and_deviation_of_its_probability(flowers):
    predictions, _ = flowers
    table, classes = build_prediction_table(predictions), predictions.class_names
    assert table.headers == ["input", "class", "probability", "deviation", "next classes"]
    first = ["new.npz[0]", classes[1], "0.6250", "0.0625", f"{classes[2]} 0.2500, {classes[0]} 0.1250"]
    assert (table.cells[0], table.cells[1][1:4]) == (first, [classes[0], "0.5000", "0.0500"])
    document = build_prediction_documents(predictions)[0]
    assert (document["probabilities"], document["deviations"]) == (MEANS[0].tolist(), (MEANS[0] / 10).tolist())


def test_csv_has_a_deviation_after_each_mean(flowers):
    predictions, inputs = flowers
    classes = predictions.class_names
    lines = format_prediction_csv(predictions, inputs, with_probabilities=False).splitlines()
    assert lines[:2] == ["input,class,probability,probability_deviation", f"new.npz[0],{classes[1]},0.625,0.0625"]
    lines = format_prediction_csv(predictions, inputs, with_probabilities=True).splitlines()
    names = [name for label in classes for name in (f"proba_{label}", f"proba_{label}_deviation")]
    cells = "0.125,0.0125,0.625,0.0625,0.25,0.025"
    assert lines[:2] == [f"input,class,{','.join(names)}", f"new.npz[0],{classes[1]},{cells}"]


def test_two_classes_have_the_probability_of_the_second(experiment):
    predictions, _ = build_predictions(experiment, np.array([[0.75, 0.25]]), TUMOURS, units=1)
    classes = predictions.class_names
    table = build_prediction_table(predictions)
    assert table.headers == ["input", "class", f"probability of {classes[1]}", "deviation"]
    assert table.cells == [["new.npz[0]", classes[0], "0.2500", "0.0250"]]


def test_number_has_its_deviation(experiment):
    predictions, inputs = build_predictions(experiment, np.array([[150.5], [20000.0]]), DISEASE, units=1)
    table = build_prediction_table(predictions)
    assert table.headers[2] == "deviation"
    assert table.cells == [["new.npz[0]", "150.5", "15.05"], ["new.npz[1]", "20,000", "2000"]]
    name = table.headers[1]
    lines = format_prediction_csv(predictions, inputs, with_probabilities=False).splitlines()
    assert lines == [f"input,{name},{name}_deviation", "new.npz[0],150.5,15.05", "new.npz[1],20000.0,2000.0"]
    assert build_prediction_documents(predictions)[0]["deviations"] == [15.05]


def test_threshold_decides_the_class_of_the_mean(experiment):
    """The temperature is that of the samples already: it changes the threshold, and not the means again."""
    predictions, _ = build_predictions(experiment, np.array([[0.75, 0.25], [0.6, 0.4]]), TUMOURS, units=1)
    fields = {"at": "2027-01-01T00:00:00+00:00", "model": "model.keras", "examples": 80}
    fitted = FittedTemperature(**fields, temperature=2)
    # Probabilities of 0.2 and 0.8 have the odds 1 : 4, and with the temperature the odds 1 : 2.
    chosen = ChosenThreshold(**fields, threshold=0.2, criterion="f1", score=0.9)
    adjusted = apply_adjustment(predictions, fitted, chosen)
    assert adjusted.threshold == pytest.approx(1 / 3)
    assert adjusted.class_indices.tolist() == [0, 1]
    assert predictions.class_indices.tolist() == [0, 0]
    np.testing.assert_array_equal(adjusted.probabilities, predictions.probabilities)
