"""Copies of example configs."""

import pytest

from dnn_cli.config.example_configs import ExampleConfig, build_copy, find_examples_directory, list_example_configs
from dnn_cli.config.loading import load_experiment


@pytest.mark.parametrize("config", list_example_configs(), ids=lambda config: config.path.stem)
def test_copy_in_another_directory_describes_the_same_experiment(config, tmp_path):
    copy = tmp_path / config.path.name
    copy.write_text(build_copy(config))
    assert load_experiment(str(copy)).experiment == load_experiment(str(config.path)).experiment


def test_copy_keeps_the_text_of_a_config_without_parent():
    config = ExampleConfig(find_examples_directory() / "small_cnn.yaml", "")
    copy = build_copy(config)
    assert copy.startswith("# A small convolutional network.")
    assert "# Conv2D needs (height, width, channels)" in copy
    assert "dnn train" not in copy
    assert "$schema" not in copy


def test_names_are_unique_and_descriptions_are_sentences():
    configs = list_example_configs()
    assert len({config.path.stem for config in configs}) == len(configs)
    assert all(config.description[0].isupper() and len(config.description) > 20 for config in configs)


def test_measurement_is_in_one_line():
    config = ExampleConfig(find_examples_directory() / "relu_adam.yaml", "")
    assert config.measurement.startswith("validation accuracy 0.")
    assert "cores" in config.measurement
