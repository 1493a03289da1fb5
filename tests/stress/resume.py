"""Resume trainings from every call of the engine.

The cases are all optimizers, all callbacks and many options, with both engines. A resumed training must have the bits
of the training that was not interrupted.
"""

import argparse
import tempfile
import time
from pathlib import Path

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.registry import CLASSES_BY_KIND
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.keras_signatures import is_in_keras
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.resume_cases import ACTIVE_CALLBACKS, CALLBACKS, PARTS, SMALL
from tests.helpers.resumed_trainings import checkpoint_every_call, resume_run, train_with_copies

ENGINES = {
    "chunked": [*SMALL, "batch_size=100"],
    "keras": [*SMALL, "engine=keras", "batch_size=300"],
}


def list_cases() -> dict[str, list[str]]:
    """Return the overrides of every case by its name."""
    optimizers = [name for name, cls in CLASSES_BY_KIND["optimizer"].items() if is_in_keras(cls)]
    return {
        **{f"{name} {engine}": [*ENGINES[engine], f"optimizer={name}"] for name in optimizers for engine in ENGINES},
        **{
            f"{key} {engine}": [*ENGINES[engine], *overrides, "epochs=6"]
            for key, overrides in ACTIVE_CALLBACKS.items()
            for engine in ENGINES
        },
        **{name: [*ENGINES["chunked"], *overrides, "epochs=6"] for name, overrides in CALLBACKS.items()},
        **{name: [*overrides, "batch_size=150"] for name, overrides in PARTS.items()},
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("text", nargs="?", default="", help="try only cases whose names contain this text")


def run(options: argparse.Namespace) -> int:
    """Resume every case from every call; a wrong result raises."""
    started, count = time.monotonic(), 0
    cases = {name: overrides for name, overrides in list_cases().items() if options.text in name}
    for name, overrides in cases.items():
        print(f"{name}: ", end="", flush=True)
        with tempfile.TemporaryDirectory() as directory, checkpoint_every_call():
            config = Path(directory) / "digits.yaml"
            config.write_text(DIGITS_YAML, encoding="utf-8")
            experiment = load_experiment(str(config), [*overrides, "diagnostics=false"]).experiment
            complete_run, _, copies = train_with_copies(experiment, Path(directory))
            for copy in copies:
                resume_run(copy, experiment)
                assert_same_run(complete_run, copy)
        count += len(copies)
        print(f"the same from {len(copies)} calls")
    print(f"{count} resumptions of {len(cases)} trainings in {time.monotonic() - started:.0f} s")
    return 0
