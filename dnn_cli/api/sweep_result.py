"""Sweep in Python, which trains the missing runs as `dnn sweep` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_cli.api.html import render_lines
from dnn_cli.api.run_comparison import RunComparison, build_comparison
from dnn_cli.api.run_list import RunList
from dnn_cli.report.sweep_view import format_sweep_settings
from dnn_cli.report.text import format_count

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False)
class SweepResult:
    """Runs of a sweep after the training."""

    id: str
    name: str

    runs: RunList
    """Runs of the sweep, also those of earlier calls."""

    failures: tuple[str, ...]
    """Reasons of failed and diverged runs, each with the varied settings of the run."""

    @property
    def address(self) -> str:
        """Address of all runs of the sweep, for other functions and for commands, such as `sweep:3f0a12cd`."""
        return f"sweep:{self.id}"

    def compare(self, *, metric: str | None = None, by: str | Sequence[str] = ()) -> RunComparison:
        """Compare the completed runs of the sweep, as `compare_runs` does.

        Args:
            metric: The metric to compare, such as `val_loss`; `None` for the monitor of the runs.
            by: The key, or the keys, by which runs are grouped. Without keys, runs that differ only in their seed are a
                group.

        Raises:
            UsageError: the runs have no such metric or key.
        """
        return build_comparison(self.runs.store.with_details(self.runs.infos), metric, by=by)

    def __repr__(self) -> str:
        failures = f", {len(self.failures)} failed" if self.failures else ""
        return f"<{self.address} of {self.name}: {format_count(len(self.runs), 'run')}{failures}>"

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a table with one row for each run.

        Raises:
            UsageError: pandas is not installed.
        """
        return self.runs.to_pandas()

    def _repr_html_(self) -> str:
        return self.compare()._repr_html_() + (render_lines(self.failures) if self.failures else "")


def sweep(
    file: str | Path,
    *values: str,
    jobs: int | None = None,
    lanes: str = "auto",
    folds: int | None = None,
    trials: int | None = None,
    allow_code: bool = False,
    runs_dir: str | Path = "runs",
) -> SweepResult:
    """Train variants of a config as `dnn sweep` does, and return the sweep. Completed runs are not trained again.

    An interruption (`KeyboardInterrupt`) ends the trainings. The same call then continues the sweep.

    Args:
        file: The config or sweep file.
        values: The values of keys, such as `"optimizer=sgd,adam"` and `"seed=1..5"`.
        jobs: The number of worker processes; `None` for one on each core.
        lanes: The number of runs that one program trains together: `"4"`, `"16"`, `"64"`, `"256"`, `"auto"` or `"off"`.
        folds: The number of folds of a cross-validation; `None` for the validation set of the config.
        trials: The number of settings of a random search; `None` for a grid.
        allow_code: Whether the modules of custom layers may run.
        runs_dir: The directory in which the runs are stored.

    Raises:
        ConfigError: an experiment is not valid.
        UsageError: nothing varies, the value of `lanes` is unknown, or arguments contradict each other.
        DataError: the data cannot be read.
    """
    from dnn_cli.config.sweep_reader import SweepOptions, read_sweep
    from dnn_cli.execution.executor_choice import ExecutorOptions, count_workers, open_executor
    from dnn_cli.execution.signals import SignalStop
    from dnn_cli.execution.sweep_execution import SweepExecution
    from dnn_cli.execution.sweep_plan import plan_extreme_runs
    from dnn_cli.runs.store import Store
    from dnn_cli.terminal.progress import open_screen
    from dnn_cli.terminal.sweep_training import SweepTrainer

    options = ExecutorOptions(jobs=jobs, lanes=lanes)
    sweep_options = SweepOptions(trials=trials, folds=folds, allow_code=allow_code)
    execution = SweepExecution.from_sweep(read_sweep(str(file), list(values), sweep_options), Store(Path(runs_dir)))
    execution.store.check_writable()
    planned_runs = execution.planned_runs or plan_extreme_runs(execution.sweep)
    experiments = [planned_run.loaded.experiment for planned_run in planned_runs]
    workers = count_workers(options, experiments, execution.remaining_count)
    # Signals keep the handlers of the program that calls this function.
    stop_request = SignalStop(lambda: None)
    with open_screen() as screen:
        trainer = SweepTrainer(screen, stop_request, experiments, options, subject="sweep")
        with open_executor(options, experiments, screen, execution.remaining_count) as executor:
            runs = execution.collect_runs(trainer.train(execution, executor, workers))
    infos = [run.run_info for run in runs if run.run_info is not None]
    failures = [
        f"{run.status}  {format_sweep_settings(run.planned_run.setting)}  {run.exit_reason}"
        for run in runs
        if run.has_failed
    ]
    run_list = RunList((*infos, *execution.find_earlier_runs(runs)), execution.store)
    return SweepResult(execution.id, execution.name, run_list, tuple(failures))
