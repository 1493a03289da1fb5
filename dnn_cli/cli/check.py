"""`dnn check`: every fault in configs, and advice on those without."""

from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, Configs, divide
from dnn_cli.cli.console import print_json, results, write_result
from dnn_cli.errors import ConfigError, Fault, OwnDataError, Place, UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.spec.experiment import Experiment


def check(
    arguments: Configs,
    resolved: Annotated[bool, typer.Option("--resolved", help="Print the experiment in full.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find every fault in configs without training, and give advice."""
    from dnn_cli.spec.load import load

    configs, overrides = divide(arguments)
    if resolved:
        print_resolved(configs, overrides, as_json=as_json)
        return
    found: dict[str, tuple[tuple[Fault, ...], tuple[Fault, ...]]] = {}
    for config in configs:
        try:
            loaded = load(config, overrides, to_train=True)
            more = check_data(loaded.experiment)
            found[config] = ((), (*loaded.advice, *(Fault(Place(config), "data", line) for line in more)))
        except ConfigError as error:
            found[config] = (error.faults, ())
        except OwnDataError as error:
            places = [Fault(Place(config), "data", line, error.hint) for line in error.message.split("\n")]
            found[config] = (tuple(places), ())
    if as_json:
        print_json({"files": [document(file, *remarks) for file, remarks in found.items()]})
    else:
        for file, (faults, advice) in found.items():
            for line in [*faults, *(f"advice: {remark}" for remark in advice)] or [f"{file}  ok"]:
                results().print(visible(line))
    if any(faults for faults, _ in found.values()):
        raise typer.Exit(2)


def print_resolved(configs: list[str], overrides: list[str], *, as_json: bool) -> None:
    """The one experiment that is meant, in full.

    Raises:
        ConfigError: it has faults.
        UsageError: there are several.
    """
    from dnn_cli.spec.load import load, to_yaml

    if len(configs) > 1:
        raise UsageError("--resolved takes one config", "as in: dnn check --resolved configs/relu_adam.yaml epochs=3")
    experiment = load(configs[0], overrides).experiment
    if as_json:
        print_json({"experiment": experiment.model_dump(mode="json")})
    else:
        write_result(to_yaml(experiment))


def check_data(experiment: "Experiment") -> list[str]:
    """Read own data as training would, and return advice on it; of ready-made data only tables need advice.

    Raises:
        OwnDataError: the data has faults.
    """
    from dnn_cli.spec.datasets import DATASETS, OWN, EmbeddedDataset

    data = experiment.data
    is_table = isinstance(DATASETS.get(data.dataset), EmbeddedDataset) and len(data.facts.input_shape) == 1
    if data.dataset not in OWN and (not is_table or data.standardize):
        return []
    from dnn_cli.data.advice import data_advice
    from dnn_cli.data.examples import load_examples, split_examples

    examples = load_examples(data)
    return data_advice(experiment, examples, split_examples(data, examples))


def document(file: str, faults: tuple[Fault, ...], advice: tuple[Fault, ...]) -> dict[str, object]:
    """A file in the JSON of `dnn check`."""
    return {"file": file, "faults": list(map(plain, faults)), "advice": list(map(plain, advice))}


def plain(fault: Fault) -> dict[str, object]:
    """A fault or an advice in it."""
    place = fault.place
    return {
        "source": place.source,
        "line": place.line,
        "column": place.column,
        "key": fault.key,
        "message": fault.message,
        "suggestion": fault.suggestion,
    }
