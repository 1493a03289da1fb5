import subprocess
import sys

import keras
import numpy as np
import pytest

import dnn_cli
from dnn_cli.errors import ConfigError, RunError
from tests.helpers.digits import DIVERGING_OVERRIDES


def test_load_summary_and_train(config, tmp_path, capfd):
    loaded = dnn_cli.load(config(), "epochs=3", "layers.hidden.units=5", "engine=keras", "batch_size=300")
    assert loaded.summary().total == 65 * 5 + 6 * 10
    assert "hidden" in str(loaded.summary())
    assert ["narrower" in line for line in loaded.advice] == [True]
    run = loaded.train(tmp_path / "runs")
    assert run.status == "completed"
    assert run.metrics["val_accuracy"].shape == (3,)
    assert run.metrics["epoch"].tolist() == [1, 2, 3]
    assert isinstance(run.model, keras.Sequential)
    assert run.model.predict(np.zeros((2, 8, 8)), verbose=0).shape == (2, 10)
    assert "3/3" in capfd.readouterr().err
    again = loaded.train(tmp_path / "runs")
    assert np.array_equal(again.metrics["val_loss"], run.metrics["val_loss"])


def test_config_error_lists_issues(config):
    with pytest.raises(ConfigError) as refused:
        dnn_cli.load(config(), "epochs=x", "optimizer=adamm")
    assert len(refused.value.issues) == 2


def test_diverged_run_has_no_model(config, tmp_path):
    run = dnn_cli.load(config(), *DIVERGING_OVERRIDES, "engine=keras").train(tmp_path)
    assert run.status == "diverged"
    assert run.metrics == {}
    with pytest.raises(RunError, match="has no model: the run is diverged"):
        _ = run.model


def test_package_import_is_lightweight():
    code = "import sys, dnn_cli; print([m for m in ('pydantic', 'numpy', 'tensorflow', 'rich') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
