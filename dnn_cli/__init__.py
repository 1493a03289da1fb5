"""Train and compare Keras networks that are described in YAML."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dnn_cli.api import Config

__version__ = "0.9.0"


def load(file: str, *overrides: str) -> "Config":
    """The experiment in a config, with changes such as `"epochs=3"`, ready to `.summary()` or `.train()`.

    Raises:
        ConfigError: with every fault, each at its line and column or at its override.
    """
    from dnn_cli.api import load_config  # later than `import dnn_cli`, which every command pays for

    return load_config(file, overrides)
