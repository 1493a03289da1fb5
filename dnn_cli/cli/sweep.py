"""`dnn sweep`: many experiments beside each other, each into a run directory of its own."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, divide
from dnn_cli.cli.console import print_json, results, show
from dnn_cli.cli.many import Gpus, Jobs, On, executor_for
from dnn_cli.errors import UsageError
from dnn_cli.execute.signals import stoppable
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen
    from dnn_cli.execute.found import Found
    from dnn_cli.execute.plan import Planned
    from dnn_cli.execute.signals import Stopping
    from dnn_cli.execute.task import Ended
    from dnn_cli.runs.record import Membership
    from dnn_cli.runs.store import Store
    from dnn_cli.spec.sweep import Sweep


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
        typer.Option("--search", help="grid, random or bayesian; random where something is drawn."),
    ] = None,
    trials: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--trials", min=1, max=10_000, help="How many settings a random or bayesian search tries."),
    ] = None,
    minutes: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--minutes", min=0.0, help="After so long, begin no more."),
    ] = None,
    search_seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--search-seed", min=0, help="Decides what is drawn; by default 0."),
    ] = None,
    jobs: Jobs = None,
    on: On = "local",
    gpus: Gpus = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs and about how long they take.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Train also what is there already.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="End everything when one fails.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Train many variants of a config, on all cores or a cluster; what is there already is not trained again."""
    files, words = divide(arguments, example="dnn sweep configs/relu_adam.yaml optimizer=sgd,adam seed=1..3")
    if len(files) != 1:
        raise UsageError(f"sweep takes one config, not {len(files)}", "several are what dnn train takes")

    from dnn_cli.cli.progress import open_screen

    with open_screen() as screen, stoppable(screen.leave) as stopping:
        with screen.waiting(f"reading {files[0]}"):
            from dnn_cli.execute.found import find
            from dnn_cli.execute.plan import plan
            from dnn_cli.runs.store import Store
            from dnn_cli.spec.sweep import Wishes, read_sweep, sweep_id

            wanted = read_sweep(files[0], words, Wishes(search, trials, minutes, search_seed))
            store, identifier = Store(runs_dir), sweep_id(wanted)
            planned = plan(wanted)
            found = {} if force else find(store, planned)
        if dry_run:
            print_plan(planned, found, store, jobs, gpus, as_json=as_json)
            return
        store.check_writable()
        work = Work(wanted, identifier, planned, found, store)
        for line in introduction(work):
            screen.show(line)
        with executor_for(on, jobs, gpus, len(work.missing), screen) as executor:
            ended = carry_out(work, executor, screen, stopping, fail_fast=fail_fast)
    print_outcome(work, ended, as_json=as_json)


class Work:
    """What a sweep wants, what of it is there, and what is to be done."""

    def __init__(
        self, sweep: "Sweep", identifier: str, planned: "Sequence[Planned]", found: "dict[str, Found]", store: "Store"
    ) -> None:
        self.sweep, self.id, self.planned, self.found, self.store = sweep, identifier, planned, found, store
        self.name = planned[0].loaded.experiment.name

    @property
    def missing(self) -> "list[tuple[int, Planned]]":
        """What is not there, or not at its end and trained by nobody, with its number."""
        return [
            (number, planned)
            for number, planned in enumerate(self.planned)
            if planned.key not in self.found
            or not (self.found[planned.key].is_done or self.found[planned.key].record.status == "running")
        ]

    def membership(self, planned: "Planned") -> "Membership":
        """What a run knows of the sweep."""
        from dnn_cli.runs.record import Membership

        return Membership(id=self.id, name=self.name, settings=planned.setting)


def introduction(work: Work) -> list[str]:
    """What is about to be trained, and what is there already."""
    from dnn_cli.execute.found import versions_apart
    from dnn_cli.report.words import count
    from dnn_cli.training.environment import versions

    sweep, found = work.sweep, [work.found[planned.key] for planned in work.planned if planned.key in work.found]
    varied = [f"{key} ({values})" for key, values in sweep.parameters.items()]
    seeds = [f"{count(len(sweep.seeds), 'seed')}"] if sweep.seeds else []
    lines = [f"sweep {work.id} of {work.name}: {count(len(work.planned), 'run')}, {' × '.join([*varied, *seeds])}"]
    done, elsewhere = sum(one.is_done for one in found), sum(one.record.status == "running" for one in found)
    begun = len(found) - done - elsewhere
    parts = [f"{done} {'is' if done == 1 else 'are'} there already"] if done else []
    parts += [f"{elsewhere} being trained by another process"] if elsewhere else []
    parts += [f"{begun} to go on with"] if begun else []
    parts += [f"{len(work.missing) - begun} to train"] if found else []
    lines += [f"  {', '.join(parts)}"] if parts else []
    if others := versions_apart([one for one in found if one.is_done], versions()):
        lines.append(f"  some were trained with {', '.join(others)}; --force trains them anew")
    return lines


def carry_out(
    work: Work, executor: Any, screen: "Screen", stopping: "Stopping", *, fail_fast: bool
) -> "dict[int, Ended]":
    """Train what is missing; by their number, how the runs ended."""
    from dnn_cli.cli.board import board
    from dnn_cli.execute.found import join_sweep
    from dnn_cli.execute.many import Queue, train_all
    from dnn_cli.execute.task import Task
    from dnn_cli.report.sweep import setting_text
    from dnn_cli.training.programs import network_key

    for planned in work.planned:
        if planned.key in work.found:
            join_sweep(work.found[planned.key], work.membership(planned))
    tasks = [
        Task(
            number,
            planned.loaded,
            work.store.root.absolute(),
            network_key(planned.loaded.experiment),
            work.found[planned.key].run.directory.absolute() if planned.key in work.found else None,
            sweeps=(work.membership(planned),),
        )
        for number, planned in work.missing
    ]
    labels = {number: setting_text(planned.setting) for number, planned in work.missing}
    minutes = work.sweep.minutes
    try:
        with board(screen, labels, len(tasks)) as shown, stopping.gentle():
            ended = train_all(
                Queue(tasks), executor, shown, stopping,
                fail_fast=fail_fast, seconds=None if minutes is None else 60 * minutes,
            )  # fmt: skip
    except SystemExit:
        screen.show("interrupted; the same command goes on")
        raise
    return {one.number: one for one in ended}


def print_outcome(work: Work, ended: "dict[int, Ended]", *, as_json: bool) -> None:
    """The comparison of all runs of the sweep, what is missing and why, and the exit code."""
    from dnn_cli.compare.comparison import compare
    from dnn_cli.report import comparison as words
    from dnn_cli.report.runs import entry_document
    from dnn_cli.report.sweep import setting_text
    from dnn_cli.report.words import count
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import read_entry

    runs = {n: work.found[p.key].run for n, p in enumerate(work.planned) if p.key in work.found}
    runs.update({number: Run(one.run) for number, one in ended.items() if one.run is not None})
    entries = {number: read_entry(run) for number, run in sorted(runs.items())}
    whole = [entry for entry in entries.values() if entry.record and entry.record.status == "completed"]
    compared = compare(whole)
    statuses = [entries[n].record.status if n in entries and entries[n].record else  # type: ignore[union-attr]
                (ended[n].status if n in ended else "not begun") for n in range(len(work.planned))]  # fmt: skip
    lost = [number for number, status in enumerate(statuses) if status in ("failed", "diverged")]
    open_ones = [number for number, status in enumerate(statuses) if status not in ("completed", "failed", "diverged")]
    if as_json:
        print_json(
            {
                "sweep": {"id": work.id, "name": work.name, "search": work.sweep.search},
                "runs": [
                    {**entry_document(entry), "settings": work.planned[number].setting}
                    for number, entry in entries.items()
                ],
                "failed": [
                    {"settings": work.planned[number].setting, "reason": ended[number].why if number in ended else None}
                    for number in lost
                ],
                "not_begun": [work.planned[number].setting for number in open_ones if number not in entries],
                "comparison": words.comparison_document(compared),
            }
        )
    else:
        out = results()
        if compared.rows:
            out.print(f"{compared.metric} of {count(len(compared.rows), 'completed run')}, best epoch\n")
            show(out, words.groups_table(compared, out.width))
            out.print()
            for line in words.verdict(compared):
                out.print(visible(line))
        for number in lost:
            record = entries[number].record if number in entries else None
            why = ended[number].why if number in ended else (record.reason if record else "")
            out.print(visible(f"{statuses[number]}  {setting_text(work.planned[number].setting)}  {why}"))
        if open_ones:
            out.print(f"{count(len(open_ones), 'run')} not at the end; the same command goes on")
        there = [] if work.store.root == Path(os.environ.get("DNN_RUNS_DIR") or "runs") else [work.store.root]
        more = "".join(f" --runs-dir {root}" for root in there)
        out.print(visible(f"  next  dnn compare sweep:{work.id}{more}"))
    if lost:
        raise typer.Exit(1)


def print_plan(
    planned: "Sequence[Planned]", found: "dict[str, Found]", store: "Store", jobs: int | None, gpus: int,
    *, as_json: bool,
) -> None:  # fmt: skip
    """What would be trained, and about how long it takes."""
    from dnn_cli.cli.many import workers_for
    from dnn_cli.execute.estimate import known_epochs, seconds_of, total_seconds
    from dnn_cli.report.sweep import plan_table
    from dnn_cli.report.words import count, duration

    known = known_epochs(store.entries(), planned)
    states = [found[one.key].record.status if one.key in found else "to train" for one in planned]
    missing = [one for one, state in zip(planned, states, strict=True) if state not in ("completed", "diverged")]
    seconds = [None if one not in missing else seconds_of(one.loaded.experiment, known) for one in planned]
    workers = workers_for(jobs, gpus, len(missing))
    total = total_seconds(missing, workers, known)
    if as_json:
        runs = [
            {"settings": one.setting, "state": state, "seconds": took}
            for one, state, took in zip(planned, states, seconds, strict=True)
        ]
        print_json({"runs": runs, "workers": workers, "seconds": total})
        return
    out = results()
    show(out, plan_table([one.setting for one in planned], states, seconds))
    basis = "as earlier runs took" if known else "by the size of the networks, as there are no earlier runs"
    out.print(f"\n{count(len(missing), 'run')} to train, about {duration(total)} with "
              f"{count(workers, 'worker')} ({basis})")  # fmt: skip
