"""Program `dnn`, which trains and compares Keras networks that are described in YAML."""

# The module `typing` takes milliseconds to import, in which Ctrl-C would print a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from dnn_cli.api import Config

__version__ = "0.11.0"


def load(file: str, *overrides: str, allow_code: bool = False) -> "Config":
    """Load a config, with overrides such as `"epochs=3"`. The result has `.summary()` and `.train()`.

    With `allow_code`, `.train()` may run the modules of custom layers.

    Raises:
        ConfigError: the config is not valid. The error lists every issue with its line and column or its override.
    """
    # Every command pays for imports at the top of this module.
    from dnn_cli.api import load_config

    return load_config(file, overrides, allow_code=allow_code)
