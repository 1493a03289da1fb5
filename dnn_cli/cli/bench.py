"""`dnn bench`: the engine against Keras's plain `fit`, on this machine."""

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.arguments import AsJson, divide, is_override, load_all
from dnn_cli.cli.console import print_json, results, show
from dnn_cli.errors import RunError, UsageError

if TYPE_CHECKING:
    from dnn_cli.spec.experiment import Experiment
    from dnn_cli.training.bench import Benchmark

USUAL = Path(__file__).with_name("bench.yaml")


def bench(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CONFIG] [KEY=VALUE]", help="A config, or none for a small network; then changes."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, max=1000, help="Epochs that are measured, after a first one.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Measure the training loop against plain Keras, side by side.

    And compare the bits of the weights.
    """
    words = arguments or []
    usual = [str(USUAL)] if all(map(is_override, words)) else []
    configs, overrides = divide([*usual, *words])
    if len(configs) > 1:
        raise UsageError("bench takes one config", "as in: dnn bench configs/relu_adam.yaml --repeats 3")

    from dnn_cli.cli.progress import open_screen
    from dnn_cli.execute.prepare import preparing

    with open_screen() as screen:
        with screen.waiting(f"reading {configs[0]}"):
            (loaded,) = load_all(configs, overrides, to_train=True)
        if loaded.experiment.engine == "keras":
            raise UsageError("engine: keras leaves nothing to compare", "leave it out: plain fit is measured as well")
        with preparing(loaded, screen, 1 + repeats) as (job, progress, *_):
            from dnn_cli.training.bench import benchmark
            from dnn_cli.training.endings import Diverged

            try:
                measured = benchmark(job, repeats, progress)
            except Diverged as error:
                raise RunError(f"there is nothing to compare: {error}", "") from None
    if as_json:
        print_json(document(loaded.experiment, measured))
    else:
        print_benchmark(measured)


def print_benchmark(measured: "Benchmark") -> None:
    """The measurement on standard output."""
    from dnn_cli.report.bench import bench_table
    from dnn_cli.report.words import count, visible
    from dnn_cli.training.bench import ENGINE

    out, plan = results(), measured.plan
    show(out, bench_table(measured.seconds, measured.first, ENGINE))
    out.print()
    batches = "one batch" if plan.steps == 1 else f"{plan.steps} batches"
    out.print(f"dnn ran {batches} a call; {plan.why}")
    same = "the same to the last bit as" if measured.bit_identical else "NOT those of"
    out.print(visible(f"measured on {measured.machine}"))
    out.print(
        f"its weights are {same} {measured.compared_with}, after {count(len(measured.seconds[ENGINE]) + 1, 'epoch')}"
    )


def document(experiment: "Experiment", measured: "Benchmark") -> dict[str, Any]:
    """The measurement as JSON."""
    from dnn_cli.training.bench import ENGINE, KERAS_FIT

    contenders = {
        name: {"seconds_per_epoch": list(taken), "median": median(taken), "first_epoch": measured.first[name]}
        for name, taken in measured.seconds.items()
    }
    return {
        "name": experiment.name,
        "engine": contenders[ENGINE]
        | {"jit": measured.plan.jit, "steps": measured.plan.steps, "why": measured.plan.why},
        "keras_fit": contenders[KERAS_FIT],
        "contenders": contenders,
        "ratio": measured.ratio(),
        "machine": measured.machine,
        "compared_with": measured.compared_with,
        "bit_identical": measured.bit_identical,
    }
