"""Command `dnn bench`: training speed of the chunked engine of `dnn` and of Keras's `fit` on this machine."""

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.completers import complete_configs
from dnn_cli.cli.console import get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import AllowCodeOption, JsonOption, is_override, load_configs, split_configs_and_overrides
from dnn_cli.errors import RunError, UsageError

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.training.benchmark import Benchmark

_DEFAULT_CONFIG = Path(__file__).with_name("bench.yaml")


def bench(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONFIG|KEY=VALUE",
            autocompletion=complete_configs,
            help="A config (default: a small network), then overrides.",
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Number of epochs to measure after the first epoch.")
    ] = 5,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the training speed of dnn with plain Keras.

    The command also checks whether both train bit-identical weights.
    """
    words = arguments or []
    default_configs = [str(_DEFAULT_CONFIG)] if all(map(is_override, words)) else []
    configs, overrides = split_configs_and_overrides([*default_configs, *words])
    if len(configs) > 1:
        raise UsageError("bench accepts one config", "for example: dnn bench configs/relu_adam.yaml --repeats 3")

    from dnn_cli.execution.preparation import prepare_training
    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen:
        with screen.show_waiting(f"reading {configs[0]}"):
            (loaded,) = load_configs(configs, overrides, to_train=True, allow_code=allow_code)
        if loaded.experiment.engine == "keras":
            raise UsageError(
                "bench compares the chunked engine with Keras, but the config has engine: keras", "remove engine: keras"
            )
        with prepare_training(loaded, screen, 1 + repeats) as (job, progress, *_):
            from dnn_cli.training.benchmark import run_benchmark
            from dnn_cli.training.stop_request import Diverged

            try:
                result = run_benchmark(job, repeats, progress)
            except Diverged as error:
                raise RunError(f"the training diverged: {error}", "") from None
    if as_json:
        print_json(_build_benchmark_document(loaded.experiment, result))
    else:
        _print_benchmark(result)


def _print_benchmark(result: "Benchmark") -> None:
    """Print the results of a benchmark on standard output."""
    from dnn_cli.report.network_tables import build_bench_table
    from dnn_cli.report.text import format_count, replace_control_chars
    from dnn_cli.training.benchmark import ENGINE

    out, plan = get_output_console(), result.plan
    print_rich_table(out, build_bench_table(result.seconds, result.first_epoch, ENGINE))
    out.print()
    batches = "one batch" if plan.steps == 1 else f"{plan.steps} batches"
    out.print(f"dnn ran {batches} per call; {plan.why}")
    same = "are bit-identical to" if result.bit_identical else "are NOT identical to"
    out.print(replace_control_chars(f"measured on {result.machine}"))
    epochs = format_count(len(result.seconds[ENGINE]) + 1, "epoch")
    out.print(f"after {epochs}, the weights of dnn {same} those of {result.compared_with}")


def _build_benchmark_document(experiment: "Experiment", result: "Benchmark") -> dict[str, Any]:
    """Build the JSON document of a benchmark. Times are in seconds."""
    from dnn_cli.training.benchmark import ENGINE, KERAS_FIT

    contenders = {
        name: {"seconds_per_epoch": list(seconds), "median": median(seconds), "first_epoch": result.first_epoch[name]}
        for name, seconds in result.seconds.items()
    }
    return {
        "name": experiment.name,
        "engine": contenders[ENGINE] | {"jit": result.plan.jit, "steps": result.plan.steps, "why": result.plan.why},
        "keras_fit": contenders[KERAS_FIT],
        "contenders": contenders,
        "ratio": result.compute_ratio(),
        "machine": result.machine,
        "compared_with": result.compared_with,
        "bit_identical": result.bit_identical,
    }
