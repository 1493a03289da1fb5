"""`dnn sweep`: many experiments beside each other, each into a run directory of its own."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, Tensorboard, divide, naming
from dnn_cli.cli.console import print_json, results, show
from dnn_cli.cli.many import Gpus, Jobs, On, executor_for, workers_for
from dnn_cli.errors import UsageError
from dnn_cli.execute.signals import stoppable
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen
    from dnn_cli.execute.many import Executor, Search
    from dnn_cli.execute.signals import Stopping
    from dnn_cli.execute.sweep import RunOfSweep, Sweeping
    from dnn_cli.execute.task import Ended


def sweep(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG|SWEEP [KEY=VALUES]",
            help="A config or a sweep file, then what varies: optimizer=sgd,adam seed=1..5 'x=log(1e-4,1e-1)'.",
        ),
    ],
    search: Annotated[
        Optional[str],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Option("--search", metavar="KIND", help="grid, random or bayesian."),
    ] = None,
    trials: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--trials", min=1, max=10_000, metavar="N", help="Settings to try, where they are drawn."),
    ] = None,
    minutes: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--minutes", min=0.0, metavar="N", help="After so many, begin no more."),
    ] = None,
    search_seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--search-seed", min=0, metavar="N", help="Decides what is drawn; 0 if not said."),
    ] = None,
    jobs: Jobs = None,
    on: On = "local",
    gpus: Gpus = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs and about how long they take.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Train also what is there already.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="End everything when one fails.")] = False,
    tensorboard: Tensorboard = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Train many variants of a config, on all cores or a cluster; what is there already is not trained again."""
    files, words = divide(arguments, example="dnn sweep configs/relu_adam.yaml optimizer=sgd,adam seed=1..3")
    if len(files) != 1:
        raise UsageError(f"sweep takes one config, not {len(files)}", "several are what dnn train takes")
    if tensorboard:
        from dnn_cli.report.tensorboard import check_installed

        check_installed()

    from dnn_cli.cli.progress import open_screen

    with open_screen() as screen, stoppable(screen.leave) as stopping:
        with screen.waiting(f"reading {files[0]}"):
            from dnn_cli.execute.plan import check_ends
            from dnn_cli.execute.sweep import Sweeping
            from dnn_cli.runs.store import Store
            from dnn_cli.spec.sweep import Wishes, read_sweep

            wanted = read_sweep(files[0], words, Wishes(search, trials, minutes, search_seed))
            sweeping = Sweeping.of(wanted, Store(runs_dir), force=force, tensorboard=tensorboard)
            if not dry_run:
                sweeping.store.check_writable()
                way = search_of(sweeping)
        if dry_run:
            print_plan(sweeping, jobs, gpus, as_json=as_json)
            return
        for line in introduction(sweeping):
            screen.show(line)
        total = runs_left(sweeping)
        planned = sweeping.planned or check_ends(sweeping.sweep)  # a bayesian search decides later
        experiments = [one.loaded.experiment for one in planned]
        with executor_for(on, jobs, gpus, experiments, screen, total) as executor:
            ended = carry_out(sweeping, way, executor, screen, stopping, total, fail_fast=fail_fast)
    runs = sweeping.outcome(ended)
    print_outcome(sweeping, runs, as_json=as_json)
    if any(run.is_lost for run in runs):
        raise typer.Exit(1)


def search_of(sweeping: "Sweeping") -> "Search":
    """What decides what is trained next.

    Raises:
        UsageError: it needs what is not installed.
    """
    if sweeping.sweep.search == "bayesian":
        from dnn_cli.execute.bayesian import Bayesian

        return Bayesian(sweeping)
    return sweeping.queue()


def runs_left(sweeping: "Sweeping") -> int:
    """How many runs are to be trained, or will at the most."""
    if sweeping.sweep.search != "bayesian":
        return len(sweeping.missing)
    seeds = max(1, len(sweeping.sweep.seeds))
    return (sweeping.sweep.trials or 0) * seeds - len(sweeping.planned)


def introduction(sweeping: "Sweeping") -> list[str]:
    """What is about to be trained, and what is there already."""
    from dnn_cli.execute.found import versions_apart
    from dnn_cli.report.words import count
    from dnn_cli.training.environment import versions

    sweep, planned = sweeping.sweep, sweeping.planned
    found = [sweeping.found[one.key] for one in planned if one.key in sweeping.found]
    varied = [f"{key} ({values})" for key, values in sweep.parameters.items()]
    seeds = [count(len(sweep.seeds), "seed")] if sweep.seeds else []
    late = f"{sweep.search} search, {count(sweep.trials or 0, 'trial')}"
    runs = late if sweep.search == "bayesian" else count(len(planned), "run")
    lines = [f"sweep {sweeping.id} of {sweeping.name}: {runs}, {' × '.join([*varied, *seeds])}"]
    done, elsewhere = sum(one.is_done for one in found), sum(one.record.status == "running" for one in found)
    begun = 0 if sweep.search == "bayesian" else len(found) - done - elsewhere
    parts = [f"{done} {'is' if done == 1 else 'are'} there already"] if done else []
    parts += [f"{elsewhere} being trained by another process"] if elsewhere else []
    parts += [f"{begun} to go on with"] if begun else []
    parts += [f"{len(sweeping.missing) - begun} to train"] if found and sweep.search != "bayesian" else []
    lines += [f"  {', '.join(parts)}"] if parts else []
    if others := versions_apart([one for one in found if one.is_done], versions()):
        lines.append(f"  some were trained with {', '.join(others)}; --force trains them anew")
    return lines


def carry_out(
    sweeping: "Sweeping", search: "Search", executor: "Executor", screen: "Screen", stopping: "Stopping", total: int,
    *, fail_fast: bool,
) -> "list[Ended]":  # fmt: skip
    """Train what is missing, and show how it goes."""
    from dnn_cli.cli.board import board
    from dnn_cli.execute.many import train_all

    minutes = sweeping.sweep.minutes
    seconds = None if minutes is None else 60 * minutes
    try:
        with board(screen, sweeping.labels, total) as shown, stopping.gentle():
            return train_all(search, executor, shown, stopping, fail_fast=fail_fast, seconds=seconds)
    except SystemExit:
        screen.show("interrupted; the same command goes on")
        raise


def print_outcome(sweeping: "Sweeping", runs: "list[RunOfSweep]", *, as_json: bool) -> None:
    """The comparison of all runs of a sweep, and what has no scores and why."""
    from dnn_cli.cli.compare import print_comparison
    from dnn_cli.compare.comparison import compare
    from dnn_cli.report.comparison_json import comparison_document
    from dnn_cli.report.sweep import setting_text
    from dnn_cli.report.words import count

    earlier = sweeping.store.detailed(sweeping.earlier_runs(runs))
    compared = compare([*(run.entry for run in runs if run.entry and run.status == "completed"), *earlier])
    if as_json:
        print_json(outcome_document(sweeping, runs, comparison_document(compared)))
        return
    out = results()
    if compared.rows:
        if earlier:
            out.print(f"with {count(len(earlier), 'run')} of earlier commands of this sweep")
        print_comparison(compared)
    for run in runs:
        if run.is_lost:
            out.print(visible(f"{run.status}  {setting_text(run.planned.setting)}  {run.why}"))
    if pruned := sum(run.status == "interrupted" and not run.is_open for run in runs):
        out.print(f"{count(pruned, 'run')} pruned on the way")
    if left := sum(run.is_open for run in runs):
        out.print(f"{count(left, 'run')} not at the end; the same command goes on")
    again = ["dnn", "compare", f"sweep:{sweeping.id}", *naming(sweeping.store.root)]
    out.print(visible(f"  next  {shlex.join(again)}"))


def outcome_document(sweeping: "Sweeping", runs: "list[RunOfSweep]", comparison: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON."""
    from dnn_cli.report.runs import entry_document

    return {
        "sweep": {"id": sweeping.id, "name": sweeping.name, "search": sweeping.sweep.search},
        "runs": [
            {
                **(entry_document(run.entry) if run.entry else {"id": None, "status": run.status}),
                "reason": run.why or None,
                "settings": run.planned.setting,
            }
            for run in runs
        ],
        "comparison": comparison,
    }


def print_plan(sweeping: "Sweeping", jobs: int | None, gpus: int, *, as_json: bool) -> None:
    """What would be trained, and about how long it takes."""
    from dnn_cli.execute.estimate import known_epochs, seconds_of, total_seconds
    from dnn_cli.execute.plan import check_ends
    from dnn_cli.report.sweep import plan_table
    from dnn_cli.report.words import count, duration

    is_late = sweeping.sweep.search == "bayesian"
    planned = check_ends(sweeping.sweep) if is_late else sweeping.planned
    known = known_epochs(sweeping.store.entries(), planned)
    states = [sweeping.found[p.key].record.status if p.key in sweeping.found else "to train" for p in planned]
    seconds = [seconds_of(p.loaded.experiment, known) if sweeping.is_missing(p) else None for p in planned]
    missing = [one for one in planned if sweeping.is_missing(one)]
    workers = workers_for(jobs, gpus, [one.loaded.experiment for one in missing])
    total = total_seconds(missing, workers, known)
    if is_late:
        total *= runs_left(sweeping) / len(planned)
    if as_json:
        runs = [
            {"settings": one.setting, "state": state, "seconds": took}
            for one, state, took in zip(planned, states, seconds, strict=True)
        ]
        print_json({"runs": [] if is_late else runs, "workers": workers, "seconds": total})
        return
    out = results()
    if is_late:
        for line in introduction(sweeping):
            out.print(visible(line))
    else:
        show(out, plan_table([one.setting for one in planned], states, seconds))
        out.print()
    basis = "as earlier runs took" if known else "by the size of the networks, as there are no earlier runs"
    left = count(runs_left(sweeping), "run")
    out.print(f"{left} to train, about {duration(total)} with {count(workers, 'worker')} ({basis})")
