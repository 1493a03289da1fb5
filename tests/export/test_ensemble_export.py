"""Export of ensembles: the file has the mean of its members, with different networks and scalings."""

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.encoded_examples import load_encoded_examples
from dnn_cli.data.input_statistics import build_input_profile
from dnn_cli.data.preprocessing import compute_preprocessing
from dnn_cli.data.run_context import RunContext
from dnn_cli.export.ensemble_export import ExportedMember, export_ensemble
from dnn_cli.runs.record import Record, Results
from dnn_cli.training.model_builder import build_model

LOGITS = """\
name: cancer
data: {dataset: breast_cancer, standardize: true}
model:
  layers:
    - {type: Dense, units: 4, activation: relu, name: hidden}
    - {type: Dense, units: 1}
loss: {type: binary_crossentropy, from_logits: true}
epochs: 1
"""
NUMBERS = """\
name: diabetes
data: {dataset: diabetes, standardize_target: true}
model:
  layers:
    - residual: [{type: Dense, units: 10, name: hidden}]
    - {type: Dense, units: 1}
loss: mse
metrics: [mae]
epochs: 1
"""
OTHER_MEMBERS = {
    LOGITS: ["layers.hidden.units=3", "data.standardize=false"],
    NUMBERS: ["data.standardize=true"],
}


def make_member(directory, text, *overrides):
    """Return a member with initial weights, and the path of its model."""
    (directory / "config.yaml").write_text(text)
    experiment = load_experiment(str(directory / "config.yaml"), overrides).experiment
    examples, split = load_encoded_examples(experiment.data)
    preprocessing = compute_preprocessing(experiment, examples, split)
    profile = build_input_profile(experiment.data.info, examples, split, preprocessing)
    weights = directory / f"{experiment.seed}.keras"
    build_model(experiment, profile.target_scaling).save(weights)
    record = Record(
        id=f"{experiment.seed:08x}",
        name=experiment.name,
        status="completed",
        started="2026-01-01T00:00:00.000000+00:00",
        results=Results(monitor="val_loss"),
        parameters={},
        data={"fingerprint": examples.compute_fingerprint(), "split": split.compute_fingerprint()},
    )
    return ExportedMember(weights, record, RunContext(experiment, profile))


@pytest.mark.parametrize("text", OTHER_MEMBERS, ids=["logits", "numbers"])
def test_members_with_other_networks_and_scalings_have_their_mean(tmp_path, text):
    members = [make_member(tmp_path, text, "seed=1"), make_member(tmp_path, text, "seed=2", *OTHER_MEMBERS[text])]
    check = export_ensemble(members, tmp_path / "ensemble.keras")
    assert check.source.endswith("validation examples")
    limit = max(1.0, check.output)
    assert check.difference <= 1e-6 * limit and check.difference_of_runs <= 1e-5 * limit
    if text is LOGITS:
        assert np.all([check.output >= 0, check.output <= 1])
