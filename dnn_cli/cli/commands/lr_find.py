"""Command `dnn lr-find`: the learning-rate range test of a config."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.completers import complete_configs
from dnn_cli.cli.console import can_print_text, get_output_console, has_limited_width, print_json, write_result
from dnn_cli.cli.options import AllowCodeOption, JsonOption, load_configs, split_configs_and_overrides
from dnn_cli.errors import UsageError
from dnn_cli.report.text import format_count, replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.training.lr_range_test import RangeTest

CHART_HEIGHT, DEFAULT_CHART_WIDTH, MAX_CHART_WIDTH = 16, 80, 120
"""Height of the chart in lines, and its default and maximum width in terminal characters.

The default width applies if the output is not a terminal.
"""

_CHART_MARGIN = 0.25
"""Height of the chart above the initial loss, as a share of the largest decrease of the loss.

At 0.25, the chart of a loss that decreases from 2 to 1 ends at 2.25. Higher losses are not drawn.
"""

_MAX_LEARNT_RATIO = 0.97
"""A network counts as having learned something if its lowest loss is at most this share of the loss of guessing.

Guessing predicts the shares of the classes in the training examples, whatever the input.
"""

_INITIAL_RATE_KEY = "initial_learning_rate"


def lr_find(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG|KEY=VALUE",
            autocompletion=complete_configs,
            help="A config, then overrides, for example epochs=10.",
        ),
    ],
    no_chart: Annotated[bool, typer.Option("--no-chart", help="Do not print the chart.")] = False,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Test learning rates from small to large, and suggest one.

    The test trains on some batches and creates no run.
    """
    configs, overrides = split_configs_and_overrides(arguments, "dnn lr-find configs/relu_adam.yaml")
    if len(configs) > 1:
        raise UsageError("lr-find accepts one config", "for example: dnn lr-find configs/relu_adam.yaml optimizer=sgd")

    from dnn_cli.execution.preparation import prepare_training
    from dnn_cli.terminal.progress import open_screen

    with open_screen() as screen:
        with screen.show_waiting(f"reading {configs[0]}"):
            (loaded,) = load_configs(configs, overrides, to_train=True, allow_code=allow_code)
        with prepare_training(loaded, screen, 1) as (job, progress, *_):
            from dnn_cli.training.lr_range_test import run_range_test

            result = run_range_test(job, progress)
    current_rate = loaded.experiment.model_dump(mode="json")["optimizer"]["learning_rate"]
    code_options = ["--allow-code"] if allow_code else []
    command = _build_rate_command(configs[0], [*overrides, *code_options], current_rate, result.suggestion)
    if as_json:
        print_json(
            {"name": loaded.experiment.name, "learning_rate": current_rate, **asdict(result), "command": command}
        )
        return
    if not no_chart:
        write_result(_format_loss_chart(result))
    for line in _format_result_lines(result, current_rate):
        get_output_console().print(replace_control_chars(line))
    if command:
        write_result(f"  next  {replace_control_chars(command)}\n")


def _build_rate_command(config: str, overrides: Sequence[str], current_rate: Any, rate: float | None) -> str | None:
    """Return the command that trains a config with the suggested learning rate; `None` if no rate is suggested.

    If the learning rate of the config is a decaying schedule, the suggested rate becomes the initial rate of the
    schedule. A warm-up by `Warmup` stays.

    Args:
        config: The path of the config.
        overrides: The overrides of the tested config.
        current_rate: The value of `optimizer.learning_rate` in the config: a number or a schedule.
        rate: The suggested learning rate.
    """
    from dnn_cli.config.schedules import RATE_KEY

    if rate is None:
        return None
    key = f"{RATE_KEY}.learning_rate" if _is_warm_up(current_rate) else RATE_KEY
    if _is_decaying_schedule(current_rate):
        key = f"{key}.{_INITIAL_RATE_KEY}"
    other_overrides = [word for word in overrides if not word.startswith((f"{key}=", f"~{key}"))]
    return shlex.join(["dnn", "train", config, *other_overrides, f"{key}={rate:g}"])


def _is_warm_up(current_rate: Any) -> bool:
    """Return whether the learning rate of a config has a warm-up by `Warmup`."""
    return isinstance(current_rate, dict) and current_rate["type"] == "Warmup"


def _is_decaying_schedule(current_rate: Any) -> bool:
    """Return whether the learning rate of a config, after a warm-up by `Warmup`, starts with its largest rate."""
    rate = current_rate["learning_rate"] if _is_warm_up(current_rate) else current_rate
    return isinstance(rate, dict) and _INITIAL_RATE_KEY in rate and "warmup_target" not in rate


def _format_loss_chart(result: "RangeTest") -> str:
    """Return a chart of the loss over the learning rates, with a vertical line at the suggested rate."""
    from dnn_cli.report.terminal_chart import ChartLine, draw_chart

    out = get_output_console()
    loss_drop = result.start - min(result.start, *result.smoothed)
    max_loss = result.start + _CHART_MARGIN * (loss_drop or abs(result.start))
    points = [(rate, loss) for rate, loss in zip(result.rates, result.smoothed, strict=True) if loss <= max_loss]
    return draw_chart(
        [ChartLine("loss", [rate for rate, _ in points], [loss for _, loss in points])],
        title=f"loss of {result.examples} training examples after one step at each rate", x_label="learning rate",
        width=min(out.width, MAX_CHART_WIDTH) if has_limited_width(out) else DEFAULT_CHART_WIDTH, height=CHART_HEIGHT,
        colour=out.is_terminal and not out.no_color and not out.is_dumb_terminal,
        log_x=True, marked_x=result.suggestion, unicode=can_print_text("⣿│┤"),
    )  # fmt: skip


def _format_result_lines(result: "RangeTest", current_rate: Any) -> list[str]:
    """Return the results of a range test as lines of text.

    `current_rate` is the value of `optimizer.learning_rate` in the config.
    """
    from dnn_cli.config.value_texts import format_config_value

    if result.suggestion is None:
        tried_text = f", up to {result.rates[-1]:.2g}" if result.rates else ""
        lines = [
            f"no suggestion: the loss did not decrease at any rate{tried_text}; the initial loss was {result.start:.4g}"
        ]
    else:
        lines = [
            f"suggested learning rate {result.suggestion:g}",
            f"  the loss decreased fastest at {result.steepest:.2g} and was lowest at {result.lowest:.2g}; "
            "the suggestion is the first rate, but at most a third of the second",
        ]
    if result.guessing is not None and result.losses and min(result.losses) > _MAX_LEARNT_RATIO * result.guessing:
        lines.append(
            f"! the lowest loss was {min(result.losses):.4g}, and guessing has a loss of {result.guessing:.4g}: "
            "the network learned nothing at any rate; train a run, and dnn explain shows the reason"
        )
    if result.ended:
        lines.append(f"  the test ended after {format_count(len(result.rates), 'step')}, because {result.ended}")
    if isinstance(current_rate, dict):
        schedule_note = "the command also uses a constant rate"
        if _is_decaying_schedule(current_rate):
            schedule_note = "the command sets the initial rate of the schedule"
        elif _is_warm_up(current_rate):
            schedule_note = "the command sets a constant rate after the warm-up"
        lines.append(f"  the test used constant rates instead of {format_config_value(current_rate)}; {schedule_note}")
    else:
        lines.append(f"  the config has a learning rate of {current_rate:g}")
    return lines
