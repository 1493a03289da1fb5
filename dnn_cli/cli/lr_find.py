"""`dnn lr-find`: the learning-rate range test of a config."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.arguments import AsJson, Configs, divide, load_all
from dnn_cli.cli.console import can_print, has_edge, print_json, results, write_result
from dnn_cli.errors import UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.training.lr_find import RangeTest

HEIGHT, WIDTH, WIDEST = 16, 80, 120
"""Of the chart; its width where there is no terminal, and at most."""

ABOVE = 0.25
"""What is drawn reaches so much above the start, as a share of how far the loss fell: beyond that it only rises."""

LEARNT = 0.97
"""A loss above so much of what guessing has tells of nothing learnt."""

KEY, BEGINS = "optimizer.learning_rate", "initial_learning_rate"


def lr_find(
    arguments: Configs,
    no_chart: Annotated[bool, typer.Option("--no-chart", help="Leave the chart out.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try larger and larger learning rates on some batches, and suggest one.

    No run is made of it.
    """
    configs, overrides = divide(arguments, "dnn lr-find configs/relu_adam.yaml")
    if len(configs) > 1:
        raise UsageError("lr-find takes one config", "as in: dnn lr-find configs/relu_adam.yaml optimizer=sgd")

    from dnn_cli.cli.progress import open_screen
    from dnn_cli.execute.prepare import preparing

    with open_screen() as screen:
        with screen.waiting(f"reading {configs[0]}"):
            (loaded,) = load_all(configs, overrides, to_train=True)
        with preparing(loaded, screen, 1) as (job, progress, *_):
            from dnn_cli.training.lr_find import range_test

            found = range_test(job, progress)
    before = loaded.experiment.model_dump(mode="json")["optimizer"]["learning_rate"]
    command = train_command(configs[0], overrides, before, found.suggestion)
    if as_json:
        print_json({"name": loaded.experiment.name, "learning_rate": before, **asdict(found), "command": command})
        return
    if not no_chart:
        write_result(chart(found))
    for line in words(found, before):
        results().print(visible(line))
    if command:
        write_result(f"  next  {visible(command)}\n")


def train_command(config: str, overrides: Sequence[str], before: Any, rate: float | None) -> str | None:
    """What trains a config with a rate, with which a schedule begins if it can; `None` where there is no rate."""
    if rate is None:
        return None
    key = f"{KEY}.{BEGINS}" if goes_on(before) else KEY
    kept = [word for word in overrides if not word.startswith((f"{key}=", f"~{key}"))]
    return shlex.join(["dnn", "train", config, *kept, f"{key}={rate:g}"])


def goes_on(before: Any) -> bool:
    """Whether a learning rate is a schedule that begins with its largest rate."""
    return isinstance(before, dict) and BEGINS in before and "warmup_target" not in before


def chart(found: "RangeTest") -> str:
    """The loss over the rates, with a rule at the suggestion."""
    from dnn_cli.report.terminal_chart import Line, draw

    out = results()
    fell = found.start - min(found.start, *found.smoothed)
    top = found.start + ABOVE * (fell or abs(found.start))
    points = [(rate, loss) for rate, loss in zip(found.rates, found.smoothed, strict=True) if loss <= top]
    return draw(
        [Line("loss", [rate for rate, _ in points], [loss for _, loss in points])],
        title=f"loss of {found.examples} training examples after a step at each rate", x_label="learning rate",
        width=min(out.width, WIDEST) if has_edge(out) else WIDTH, height=HEIGHT,
        colour=out.is_terminal and not out.no_color and not out.is_dumb_terminal,
        log_x=True, marked=found.suggestion, unicode=can_print("⣿│┤"),
    )  # fmt: skip


def words(found: "RangeTest", before: Any) -> list[str]:
    """What was found, a sentence a line."""
    from dnn_cli.spec.catalog import short

    if found.suggestion is None:
        tried = f", up to {found.rates[-1]:.2g}" if found.rates else ""
        lines = [f"no suggestion: the loss did not fall at any rate{tried}; it was {found.start:.4g} at the start"]
    else:
        lines = [
            f"suggested learning rate {found.suggestion:g}",
            f"  the loss fell fastest at {found.steepest:.2g} and was lowest at {found.lowest:.2g}; suggested is the "
            "first, but at most a third of the second",
        ]
    if found.guessing is not None and found.losses and min(found.losses) > LEARNT * found.guessing:
        lines.append(
            f"! the loss came to {min(found.losses):.4g}, and guessing has {found.guessing:.4g}: "
            "in so few steps nothing was learnt at any rate; dnn explain tells of a trained run why"
        )
    if found.ended:
        lines.append(f"  the test ended after {len(found.rates)} steps, when {found.ended}")
    if isinstance(before, dict):
        then = "which begins with it in the command" if goes_on(before) else "and does in the command"
        lines.append(f"  in the test a constant rate took the place of {short(before)}, {then}")
    else:
        lines.append(f"  the config has {before:g}")
    return lines
