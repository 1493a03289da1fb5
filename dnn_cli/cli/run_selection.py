"""Selection of the run that a command uses, by the run's address, and of a saved model of this run."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.console import get_notes_console
from dnn_cli.cli.options import is_override, split_configs_and_overrides
from dnn_cli.errors import UsageError
from dnn_cli.report.text import format_count, replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.run_info import RunInfo
    from dnn_cli.runs.saved_models import SavedModel
    from dnn_cli.runs.store import Store


def resolve_run(store: "Store", address: str) -> "Run":
    """Return the run that an address names.

    If the address names several runs of one experiment, return the latest run and print its id and seed on standard
    error.

    Raises:
        UsageError: the address names no run, or runs of several experiments.
    """
    from dnn_cli.runs.address import parse_run_id

    runs = store.find_all(address, sweeps=False)
    if len(runs) > 1:
        message = f"{address} is the name of {len(runs)} runs of one experiment"
        get_notes_console().print(
            replace_control_chars(
                f"{message}; the latest is used: {parse_run_id(runs[0])}{_format_seed_clause(runs[0])}"
            )
        )
    return runs[0]


def print_study_selections(addresses: Sequence[str], query: str | None) -> None:
    """Print which runs of a study a command uses: without a condition, the final runs of its tuned arm."""
    from dnn_cli.runs.study_roles import STUDY_PREFIX

    for address in addresses if query is None else ():
        if address.startswith(STUDY_PREFIX):
            get_notes_console().print(
                replace_control_chars(
                    f"of {address}, only the final runs with tuned settings are used; --where 'study.phase = tuning' "
                    "or --where 'study.arm = default' selects other runs"
                )
            )


def print_omitted_tuning_runs(store: "Store", runs: "Sequence[RunInfo]") -> None:
    """Print the number of tuning runs that a command without addresses and without a condition leaves out.

    Args:
        store: The store of the runs.
        runs: The runs that the command uses.
    """
    omitted = len(store.list_runs()) - len(runs)
    if omitted:
        get_notes_console().print(
            f"left out: {format_count(omitted, 'tuning run')} of studies, whose scores chose the settings; "
            "--where 'study.phase = tuning' selects them, and dnn report study:ID shows them"
        )


def build_no_runs_error(runs_dir: Path, query: str | None, suggestion: str) -> UsageError:
    """Build the error of a command that selected no runs: the directory has none, or none fulfils the query."""
    message = f"no runs in {runs_dir}" if query is None else f"no run in {runs_dir} fulfils the condition"
    return UsageError(message, suggestion)


def _format_seed_clause(run: "Run") -> str:
    """Return the seed of a run as the end of a sentence: `, with seed=1`.

    The text is empty if the config cannot be read.
    """
    from dnn_cli.runs.run_info import read_details

    details = read_details(run)
    return "" if details.config_json is None else f", with seed={details.seed}"


def split_addresses_and_overrides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the words of a command line into words that are not overrides, and overrides.

    The first word that is not an override is the address of a run. If every word looks like an override, the first word
    is the address, because a run may have the name `lr=0.1`.
    """
    addresses = [word for word in arguments if not is_override(word)]
    if not addresses:
        return list(arguments[:1]), list(arguments[1:])
    return addresses, [word for word in arguments if is_override(word)]


def parse_run_and_overrides(arguments: Sequence[str], command: str) -> tuple[str, list[str]]:
    """Return the address of a run and the overrides of its config from the words of a command line.

    `command` is the name of the command, for the message of an error.

    Raises:
        UsageError: the words name no run, or several runs.
    """
    addresses, overrides = split_addresses_and_overrides(arguments)
    if len(addresses) != 1:
        raise UsageError(f"{command} needs one run", f"for example: dnn {command} @1")
    return addresses[0], overrides


def resolve_network_run(store: "Store", address: str) -> "Run":
    """Return the run that an address names, as `resolve_run` does, for a command that needs a network.

    Raises:
        UsageError: the address names no run, runs of several experiments, or a baseline.
    """
    from dnn_cli.runs.run_info import read_run_info

    run = resolve_run(store, address)
    # A command reports a broken run itself.
    if (record := read_run_info(run).record) is not None:
        check_is_network(record)
    return run


def parse_config_and_overrides(arguments: Sequence[str], runs_dir: Path, command: str) -> tuple[str, list[str]]:
    """Return the path of a config and the overrides from the words of a command line. A run means its config.

    Args:
        arguments: The words: a config or a run, and overrides.
        runs_dir: The runs directory.
        command: The name of the command, for the message of an error.

    Raises:
        UsageError: the words name several configs or runs, or none, or a baseline.
    """
    addresses = [word for word in arguments if not is_override(word)]
    resolved = [
        _resolve_config_argument(word, runs_dir, is_first=not addresses and word is arguments[0]) for word in arguments
    ]
    example = f"dnn {command} configs/relu_adam.yaml"
    configs, overrides = split_configs_and_overrides(resolved, example)
    if len(configs) > 1:
        raise UsageError(f"{command} accepts one config or run", f"for example: {example}")
    return configs[0], overrides


def _resolve_config_argument(word: str, runs_dir: Path, *, is_first: bool) -> str:
    """Return the path of the config of a run, or the word itself if it is a config file or an override.

    Args:
        word: A word of the command line.
        runs_dir: The runs directory.
        is_first: Whether the word is the first word and all words look like overrides. The word can then be the name of
            a run, such as `lr=0.1`.

    Raises:
        UsageError: the word names no run, runs of several experiments, or a baseline.
    """
    if os.path.isfile(word) or word.endswith((".yaml", ".yml")) or (is_override(word) and not is_first):
        return word
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)
    if is_override(word) and not any(run_info.name == word for run_info in store.list_runs()):
        return word
    return str(resolve_network_run(store, word).config)


def check_is_network(record: "Record") -> None:
    """Check that a run has a network.

    Raises:
        UsageError: the run is a baseline.
    """
    if record.is_baseline:
        raise UsageError(
            f"{record.name} {record.id} is a baseline of scikit-learn, which has no network and no saved model",
            "use another run: dnn runs --where kind=network lists them",
        )


def resolve_completed_run(address: str, runs_dir: Path) -> "tuple[Run, Record]":
    """Return the completed run with an address, and its run record.

    Raises:
        UsageError: no run has the address, or the run is not completed.
        RunError: the run is broken.
    """
    from dnn_cli.runs.store import Store

    run = resolve_run(Store(runs_dir), address)
    record = run.read_record()
    if record.status != "completed":
        hint = (
            f"dnn explain {record.id} shows the reason"
            if record.status in ("diverged", "failed")
            else f"{shlex.join(['dnn', 'resume', record.id, *record.code_options])} continues the run"
        )
        raise UsageError(f"{run.directory} has no final model: the run is {record.status}", hint)
    return run, record


BestOption = Annotated[bool, typer.Option("--best", help="Use best.keras, the model of the best epoch.")]


def resolve_saved_model(address: str, runs_dir: Path, *, best: bool = False) -> "tuple[Run, Record, SavedModel]":
    """Return the completed run with an address, its run record, and a saved model.

    The saved model is `model.keras` or, with `best`, `best.keras`.

    Raises:
        UsageError: no run has the address, or the run is not completed, lacks the saved model, or is a baseline.
        RunError: the run is broken.
    """
    run, record = resolve_completed_run(address, runs_dir)
    return run, record, select_saved_model(run, record, best=best)


def select_saved_model(run: "Run", record: "Record", *, best: bool = False) -> "SavedModel":
    """Return the saved model `model.keras` of a completed run or, with `best`, `best.keras`.

    Raises:
        UsageError: the run lacks the saved model, or is a baseline.
    """
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.saved_models import get_last_model

    check_is_network(record)
    if not run.model.is_file():
        raise UsageError(
            f"{run.model} {'is not a file' if os.path.lexists(run.model) else 'does not exist'}", "train the run again"
        )
    run_info = read_run_info(run).with_details()
    return resolve_best_model(run_info) if best else get_last_model(run_info)


def resolve_best_model(run_info: "RunInfo") -> "SavedModel":
    """Return the best model of a run, `best.keras`.

    Raises:
        UsageError: the run has no best model. The hint is a command that trains such a model, or the advice to omit
            `--best`.
    """
    from dnn_cli.runs.saved_models import find_best_model, get_last_model

    model = find_best_model(run_info)
    if model is not None:
        return model
    last, missing = get_last_model(run_info), f"{run_info.run.directory} has no best.keras"
    if last.weights_kind == "restored":
        raise UsageError(f"{missing}, and model.keras already contains {last.format_epoch()}", "omit --best")
    monitor = run_info.record.results.monitor if run_info.record else "val_loss"
    config = run_info.config or {}
    overrides = [f"model_checkpoint={{monitor: {monitor}}}"]
    # Other values of these keys are refused together with model_checkpoint.
    if config.get("swap_ema_weights"):
        overrides.append("swap_ema_weights.swap_on_epoch=true")
        overrides += ["early_stopping.restore_best_weights=true"] if config.get("early_stopping") else []
    retrain_command = shlex.join(["dnn", "train", str(run_info.run.config), *overrides])
    if config.get("model_checkpoint"):
        raise UsageError(
            f"{missing}, although model_checkpoint saved one", f"dnn train {run_info.run.config} saves one again"
        )
    raise UsageError(f"{missing}: the run was trained without model_checkpoint", f"{retrain_command} saves one")
