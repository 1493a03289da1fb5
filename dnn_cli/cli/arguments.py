"""What several verbs take from the command line, and what they make of it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.errors import ConfigError, Fault, UsageError, nearest

if TYPE_CHECKING:
    from dnn_cli.spec.load import Loaded

RunsDir = Annotated[
    Path, typer.Option("--runs-dir", envvar="DNN_RUNS_DIR", help="Where runs are kept.", file_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Force = Annotated[bool, typer.Option("--force", help="Go on though something has changed, and record it.")]
Tensorboard = Annotated[bool, typer.Option("--tensorboard", help="Write a log for TensorBoard into the run, too.")]
Configs = Annotated[
    list[str],
    typer.Argument(metavar="CONFIG|KEY=VALUE", help="Config files, then changes to them, as epochs=10."),
]


def naming(runs_dir: Path) -> list[str]:
    """The words with which a command to paste names a runs directory; none for the usual one."""
    usual = Path(os.environ.get("DNN_RUNS_DIR") or "runs")
    return [] if runs_dir == usual else ["--runs-dir", str(runs_dir)]


def check_by(keys: Sequence[str], most: int | None = None) -> None:
    """Check the keys of `--by`; `most` is the largest number of them.

    Raises:
        UsageError: there are too many keys, or several keys in one word.
    """
    single = [part.strip() for key in keys for part in key.split(",") if part.strip()]
    if most is not None and len(single) > most:
        raise UsageError("--by takes one key, or two for a matrix", "name two of them")
    if any("," in key for key in keys):
        raise UsageError("--by takes one key at a time", f"write {' '.join(f'--by {key}' for key in single)}")


def divide(
    arguments: Sequence[str], example: str = "dnn train configs/relu_adam.yaml epochs=3"
) -> tuple[list[str], list[str]]:
    """Config files and overrides.

    Raises:
        UsageError: there is no config, or one does not exist.
    """
    from dnn_cli.spec.overrides import full_override

    overrides = [full_override(word) for word in arguments if is_override(word)]
    configs = [word for word in arguments if not is_override(word)]
    if not configs:
        raise UsageError("no config is named", f"as in: {example}")
    for config in configs:
        if not os.path.exists(config):
            raise UsageError(f"there is no {config}", similar_file(config) or "an override is written key=value")
    return configs, overrides


def is_override(word: str) -> bool:
    """Return whether a word changes a config; a file, and an address that begins with its form, do not."""
    from dnn_cli.spec.names import ADDRESS_PREFIXES

    if word.startswith(ADDRESS_PREFIXES):
        return False
    return word.startswith("~") or ("=" in word and not os.path.exists(word))


def similar_file(name: str) -> str:
    """`did you mean …?` for a file beside the one named, or in configs/."""
    folders = [Path(name).parent, Path("configs")]
    try:
        known = [str(path) for folder in folders if folder.is_dir() for path in folder.glob("*.y*ml")]
    except OSError:
        return ""
    same_stem = [path for path in known if Path(path).stem == Path(name).stem]
    return f"did you mean {same_stem[0]}?" if same_stem else nearest(name, known)


def load_all(configs: Sequence[str], overrides: Sequence[str], *, to_train: bool = False) -> list["Loaded"]:
    """Every experiment; `to_train`: and that this machine can train it.

    Raises:
        ConfigError: with the faults of all the files together.
    """
    from dnn_cli.spec.load import load

    loaded: list[Loaded] = []
    faults: list[Fault] = []
    for config in configs:
        try:
            loaded.append(load(config, overrides, to_train=to_train))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(dict.fromkeys(faults))
    return loaded
