"""Command `dnn check`: all issues of configs, and advice and remarks on valid configs."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.console import get_output_console, print_json, write_result
from dnn_cli.cli.options import ConfigArguments, JsonOption, split_configs_and_overrides
from dnn_cli.errors import ConfigError, LocatedIssue, SourceLocation, UsageError, UserDataError
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.formats.dataset_contents import Remark


@dataclass(frozen=True)
class _CheckResult:
    """Result of the check of one config file: its issues, and advice and remarks if the config is valid."""

    issues: tuple[LocatedIssue, ...] = ()
    advice: tuple[LocatedIssue, ...] = ()
    remarks: tuple["Remark", ...] = ()


def check(
    arguments: ConfigArguments,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Print the experiment with the values of all keys.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List issues of configs without training, and give advice."""
    configs, overrides = split_configs_and_overrides(arguments)
    if resolved:
        _print_resolved_experiment(configs, overrides, as_json=as_json)
        return
    results = {config: _check_config(config, overrides) for config in configs}
    if as_json:
        print_json({"files": [_build_file_document(file, result) for file, result in results.items()]})
    else:
        for file, result in results.items():
            lines = [*result.issues, *(f"advice: {issue}" for issue in result.advice)] or [f"{file}  ok"]
            for line in [*lines, *(f"data: {remark}" for remark in result.remarks)]:
                print_line(get_output_console(), line)
    if any(result.issues for result in results.values()):
        raise typer.Exit(2)


def _check_config(config: str, overrides: list[str]) -> _CheckResult:
    """Check a config file with overrides and its data, and return the result."""
    from dnn_cli.config.loading import find_config_location, load_experiment
    from dnn_cli.config.yaml_reader import format_key_path

    try:
        loaded = load_experiment(config, overrides, to_train=True)
        advice_lines, remarks = _check_data_files(loaded.experiment)
    except ConfigError as error:
        return _CheckResult(error.issues)
    except UserDataError as error:
        path = error.layer_path or ("data",)
        location, key = find_config_location(config, overrides, path), format_key_path(path)
        lines = error.message.split("\n")
        return _CheckResult(tuple(LocatedIssue(location, key, line, error.suggestion) for line in lines))
    advice = (LocatedIssue(SourceLocation(config), "data", line) for line in advice_lines)
    return _CheckResult((), (*loaded.advice, *advice), tuple(remarks))


def _print_resolved_experiment(configs: list[str], overrides: list[str], *, as_json: bool) -> None:
    """Print the experiment of a config, with the values of all keys, as YAML or JSON.

    Raises:
        ConfigError: the config has issues.
        UsageError: there are several configs.
    """
    from dnn_cli.config.loading import load_experiment, to_yaml

    if len(configs) > 1:
        raise UsageError(
            "--resolved accepts one config", "for example: dnn check --resolved configs/relu_adam.yaml epochs=3"
        )
    experiment = load_experiment(configs[0], overrides).experiment
    if as_json:
        print_json({"experiment": experiment.model_dump(mode="json")})
    else:
        write_result(to_yaml(experiment))


def _check_data_files(experiment: "Experiment") -> "tuple[list[str], list[Remark]]":
    """Read the data of an experiment as a training would, and return lines of advice and remarks on the data.

    A built-in dataset is read only if the network takes whole numbers, or if it is a table and the config does not set
    `standardize`. For other built-in datasets, both lists are empty.

    Raises:
        UserDataError: the user's data cannot be read or split.
    """
    from dnn_cli.config.datasets import DATASETS, USER_DATA_KINDS, EmbeddedDataset

    data = experiment.data
    is_embedded = isinstance(DATASETS.get(data.dataset), EmbeddedDataset)
    is_table = is_embedded and len(data.info.input_shape) == 1
    takes_integers = is_embedded and experiment.integer_layer is not None
    if data.dataset not in USER_DATA_KINDS and not takes_integers and (not is_table or data.standardize):
        return [], []
    from dnn_cli.data.data_advice import list_data_advice
    from dnn_cli.data.encoded_examples import encode_examples
    from dnn_cli.data.examples import load_all_examples, split_examples
    from dnn_cli.data.integer_inputs import check_integer_inputs, list_integer_remarks
    from dnn_cli.data.reading_changes import list_check_remarks
    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen, screen.open_read_progress() as progress:
        examples, test_set = load_all_examples(data, progress)
    split = split_examples(data, examples)
    examples = encode_examples(data, examples, split)
    check_integer_inputs(experiment, examples.inputs, data.title)
    if test_set is not None and examples.encoding is None:
        check_integer_inputs(experiment, test_set.inputs, f"{data.title}, test set")
    advice = list_data_advice(experiment, examples, split)
    return advice, [*list_integer_remarks(experiment, examples), *list_check_remarks(data, examples)]


def _build_file_document(file: str, result: _CheckResult) -> dict[str, object]:
    """Build the JSON document of one config file: its path, its issues, and the advice and remarks on it."""
    return {
        "file": file,
        "faults": list(map(_build_issue_document, result.issues)),
        "advice": list(map(_build_issue_document, result.advice)),
        "remarks": list(map(asdict, result.remarks)),
    }


def _build_issue_document(issue: LocatedIssue) -> dict[str, object]:
    """Build the JSON document of an issue or of a piece of advice."""
    location = issue.location
    return {
        "source": location.source,
        "line": location.line,
        "column": location.column,
        "key": issue.key,
        "message": issue.message,
        "suggestion": issue.suggestion,
    }
