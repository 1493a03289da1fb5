import pytest

from dnn_cli.config.config_diff import find_config_differences
from dnn_cli.config.loading import load_experiment


@pytest.fixture
def compare_overrides(config):
    """The differences between one experiment and others."""

    def compare_configs(*overrides):
        return find_config_differences(
            [
                load_experiment(config(), config_overrides).experiment.model_dump(mode="json")
                for config_overrides in overrides
            ]
        )

    return compare_configs


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param([], [], [{}, {}], id="nothing"),
        pytest.param([], ["name=other", "model.name=other"], [{}, {}], id="names are no difference"),
        pytest.param([], ["epochs=9"], [{"epochs": "2"}, {"epochs": "9"}], id="a plain key"),
        pytest.param(
            ["optimizer=sgd"],
            ["optimizer={type: sgd, learning_rate: 0.1}"],
            [{"optimizer.learning_rate": "0.01"}, {"optimizer.learning_rate": "0.1"}],
            id="an argument of one optimizer",
        ),
        pytest.param(
            ["optimizer={type: sgd, momentum: 0.9}"],
            ["optimizer=adam"],
            [{"optimizer": "sgd momentum=0.9"}, {"optimizer": "adam"}],
            id="two optimizers",
        ),
        pytest.param(
            [],
            ["layers.hidden.units=99"],
            [{"layers.hidden.units": "16"}, {"layers.hidden.units": "99"}],
            id="a layer with a name",
        ),
        pytest.param(
            [],
            ["~layers.hidden"],
            [
                {"layers": "…, Dense units=16 activation=relu, …"},
                {"layers": "shared layers only"},
            ],
            id="another stack",
        ),
        pytest.param(
            [],
            ["layers.hidden.kernel_regularizer=l2"],
            [{"layers.hidden.kernel_regularizer": "–"}, {"layers.hidden.kernel_regularizer": "l2"}],
            id="a part that only one has",
        ),
        pytest.param(
            [],
            [
                "optimizer.learning_rate="
                "{type: ExponentialDecay, initial_learning_rate: 1, decay_steps: 2, decay_rate: 3}"
            ],
            [
                {"optimizer.learning_rate": "0.001"},
                {"optimizer.learning_rate": "ExponentialDecay initial_learning_rate=1 decay_steps=2 decay_rate=3"},
            ],
            id="a schedule",
        ),
    ],
)
def test_only_differing_keys_are_listed(compare_overrides, first, second, expected):
    assert compare_overrides(first, second) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(
            {"a": {"type": "number", "missing": "mean"}, "type": {"type": "date"}},
            {"a": {"type": "number", "missing": "median"}, "type": {"type": "date"}},
            [{"data.columns.a.missing": "mean"}, {"data.columns.a.missing": "median"}],
            id="an option",
        ),
        pytest.param(
            {"type": {"type": "number"}},
            {"type": {"type": "category"}},
            [{"data.columns.type": "number"}, {"data.columns.type": "category"}],
            id="a column named type",
        ),
        pytest.param(
            {"a": {"type": "number"}},
            {"b": {"type": "number"}, "c": {"type": "date"}},
            [{"data.columns": "1 column"}, {"data.columns": "2 columns"}],
            id="other columns",
        ),
        pytest.param({"a": {"type": "number"}}, None, [{"data.columns": "1 column"}, {"data.columns": "–"}], id="none"),
    ],
)
def test_columns_of_tables_are_compared_by_name(first, second, expected):
    configs = [{"data": {"columns": columns} if columns else {}} for columns in (first, second)]
    assert find_config_differences(configs) == expected
