"""`dnn check`: every fault in configs, and advice on those without."""

from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, Configs, divide
from dnn_cli.cli.console import print_json, results, write_result
from dnn_cli.errors import ConfigError, Fault, OwnDataError, Place, UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.spec.data import Data


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
            check_own_data(loaded.experiment.data)
            found[config] = ((), loaded.advice)
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


def check_own_data(data: "Data") -> None:
    """Read data of the user's own as training would.

    Raises:
        OwnDataError: it has faults.
    """
    from dnn_cli.spec.datasets import OWN

    if data.dataset in OWN:
        from dnn_cli.data.examples import load_examples, split_examples

        examples = load_examples(data)
        if data.stratify:  # which alone can fail
            split_examples(data, examples)


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
