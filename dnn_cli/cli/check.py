"""`dnn check`: every fault in configs, and advice on those without."""

import typer

from dnn_cli.cli.arguments import AsJson, Configs, divide
from dnn_cli.cli.console import print_json, results
from dnn_cli.errors import ConfigError, Fault
from dnn_cli.report.words import visible


def check(arguments: Configs, as_json: AsJson = False) -> None:
    """Find every fault in configs without training, and give advice."""
    from dnn_cli.spec.load import load

    configs, overrides = divide(arguments)
    found: dict[str, tuple[tuple[Fault, ...], tuple[Fault, ...]]] = {}
    for config in configs:
        try:
            found[config] = ((), load(config, overrides, to_train=True).advice)
        except ConfigError as error:
            found[config] = (error.faults, ())
    if as_json:
        print_json({"files": [document(file, *remarks) for file, remarks in found.items()]})
    else:
        for file, (faults, advice) in found.items():
            for line in [*faults, *(f"advice: {remark}" for remark in advice)] or [f"{file}  ok"]:
                results().print(visible(line))
    if any(faults for faults, _ in found.values()):
        raise typer.Exit(2)


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
