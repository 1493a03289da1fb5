"""Search strategy on Optuna, whose sampler proposes settings and whose pruner stops trainings with bad scores.

A setting is one value for each key that the sweep varies. A trial trains a setting, with one seed after another. The
value of the trial is the mean of the best scores of these runs. Optuna first receives the results of earlier trials of
the same sweep.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from dnn_cli.config.score_names import lower_is_better
from dnn_cli.config.sweep_values import SweepValues, ValueChoice, ValueRange
from dnn_cli.errors import UsageError
from dnn_cli.execution.messages import EpochDone, Task, TaskResult
from dnn_cli.execution.sweep_execution import PRUNED_PREFIX, SweepExecution, find_existing_runs
from dnn_cli.execution.sweep_plan import PlannedRun, Setting, SweepPlanner
from dnn_cli.runs.address import find_membership
from dnn_cli.runs.record import Record

_ZIP = "zip"
"""Name of the parameter by which Optuna chooses the row of zipped values."""


@dataclass
class _Trial:
    """Trial in progress: a setting whose planned runs are trained one after another."""

    optuna_trial: Any
    """Trial object of Optuna."""

    pending_numbers: list[int]
    """Numbers of the planned runs that are still to be trained, in this order."""

    best_scores: list[float] = field(default_factory=list)
    """Best score of each completed run: the value of the monitor in the best epoch."""

    is_training: bool = False


class OptunaSearch:
    """Search strategy that gets settings from Optuna and reports their scores to Optuna.

    Raises:
        UsageError: Optuna is not installed.
    """

    def __init__(self, execution: SweepExecution) -> None:
        try:
            import optuna
        except ImportError:
            raise UsageError(
                "a bayesian search needs Optuna, which is not installed", "pip install 'dnn-cli[optuna]'"
            ) from None

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna, self.execution, self.planner = optuna, execution, SweepPlanner(execution.sweep)
        self.monitor = self.planner.plan_seeds(0, self.build_example_setting())[0].loaded.experiment.monitor
        self.study = optuna.create_study(
            direction="minimize" if lower_is_better(self.monitor) else "maximize",
            pruner=optuna.pruners.MedianPruner(),
        )
        self.zipped = execution.sweep.zipped
        self.distributions = {key: self.build_distribution(values) for key, values in self.parameters.items()}
        if self.zipped:
            rows = range(len(self.zipped.rows))
            self.distributions[_ZIP] = optuna.distributions.CategoricalDistribution(rows)
        self.trials: list[_Trial] = []
        self.trials_left = execution.sweep.trials or 0
        self.restore_earlier_trials()
        # A sampler with the same seed would propose the same settings again.
        seed = execution.sweep.search_seed + len(self.study.trials)
        self.study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)

    @property
    def parameters(self) -> dict[str, SweepValues]:
        """Keys that the sweep varies, with the values or the range of each key. The seed is left out."""
        return self.execution.sweep.parameters

    def build_example_setting(self) -> Setting:
        """Build a setting from the first value of each varied key.

        All experiments of the sweep have the same monitor, which is read from the experiment with this setting.
        """
        zipped = self.execution.sweep.zipped
        first_row = zipped.list_settings()[0] if zipped else {}
        return {**{key: values.end_values[0] for key, values in self.parameters.items()}, **first_row}

    def build_distribution(self, values: SweepValues) -> Any:
        """Build the distribution from which Optuna draws the values of a key, or the drawn numbers of a range."""
        distribution_types = self.optuna.distributions
        if isinstance(values, ValueChoice):
            return distribution_types.CategoricalDistribution(values.texts)
        if values.kind == "int":
            return distribution_types.IntDistribution(int(values.low), int(values.high))
        return distribution_types.FloatDistribution(values.low, values.high, log=values.is_logarithmic)

    def restore_earlier_trials(self) -> None:
        """Add the trials that earlier commands trained for this sweep to Optuna's study.

        The search then continues from the scores of these trials. Optuna proposes unfinished trials first. With
        `force`, all earlier trials are ignored.
        """
        if self.execution.force:
            return
        store, sweep_id = self.execution.store, self.execution.id
        memberships = [member for run_info in store.list_runs() if (member := find_membership(run_info, sweep_id))]
        keys = [*self.parameters, *(self.zipped.keys if self.zipped else ())]
        settings = {tuple((key, member.settings.get(key)) for key in keys): None for member in memberships}
        for pairs in settings:
            setting = {key: text for key, text in pairs if text is not None}
            params = self.to_optuna_params(setting)
            if params is None or self.trials_left == 0:
                continue
            planned = self.planner.plan_seeds(len(self.execution.planned_runs), setting)
            existing_runs = find_existing_runs(store, planned)
            records = [
                existing_runs[member.outcome_digest].record
                for member in planned
                if member.outcome_digest in existing_runs
            ]
            if any(_has_failed_by_setting(record) for record in records):
                self.add_earlier_trial(planned, existing_runs, params, self.optuna.trial.TrialState.PRUNED)
            elif len(records) == len(planned) and all(record.status == "completed" for record in records):
                value = fmean(_get_best_score(record) for record in records)
                self.add_earlier_trial(planned, existing_runs, params, self.optuna.trial.TrialState.COMPLETE, value)
            else:
                self.study.enqueue_trial(params)

    def add_earlier_trial(
        self, planned: list[PlannedRun], existing_runs: Any, params: dict[str, Any], state: Any, value: Any = None
    ) -> None:
        """Add an earlier trial to Optuna's study, and its experiments to the planned runs of the sweep.

        Args:
            planned: The planned runs of the trial.
            existing_runs: The existing runs of the trial, by outcome digest.
            params: The setting of the trial in Optuna's form.
            state: The state in which the trial ended, an `optuna.trial.TrialState`.
            value: The mean of the best scores; `None` for a pruned trial.
        """
        self.trials_left -= 1
        first = len(self.execution.planned_runs)
        self.execution.abandoned_numbers.update(
            first + n for n, planned_run in enumerate(planned) if planned_run.outcome_digest not in existing_runs
        )
        self.execution.planned_runs += planned
        self.execution.existing_runs |= existing_runs
        self.study.add_trial(
            self.optuna.trial.create_trial(state=state, value=value, params=params, distributions=self.distributions)
        )

    def to_optuna_params(self, setting: Setting) -> dict[str, Any] | None:
        """Convert a setting to Optuna's form; return `None` if the sweep does not contain one of its values."""
        params: dict[str, Any] = {}
        for key, values in self.parameters.items():
            text = setting.get(key, "")
            try:
                params[key] = text if isinstance(values, ValueChoice) else values.parse_number(text)
            except ValueError:
                return None
            if (
                text not in values.texts
                if isinstance(values, ValueChoice)
                else not values.low <= params[key] <= values.high
            ):
                return None
        if self.zipped:
            params[_ZIP] = self.zipped.find_row(setting)
            if params[_ZIP] is None:
                return None
        return params

    def ask(self, idle_networks: Sequence[str | None], busy_networks: set[str]) -> Task | None:
        trial = next((trial for trial in self.trials if trial.pending_numbers and not trial.is_training), None)
        if trial is None and self.trials_left:
            trial = self.start_next_trial()
        if trial is None:
            return None
        trial.is_training = True
        return self.execution.build_task(trial.pending_numbers[0])

    def start_next_trial(self) -> _Trial | None:
        """Start the next trial that has a run to train, and return the trial; return `None` after the last trial.

        A trial whose runs all exist already is reported to Optuna at once.
        """
        while self.trials_left:
            self.trials_left -= 1
            optuna_trial = self.study.ask(self.distributions)
            setting = {
                key: values.format_number(optuna_trial.params[key])
                if isinstance(values, ValueRange)
                else optuna_trial.params[key]
                for key, values in self.parameters.items()
            }
            if self.zipped:
                setting |= self.zipped.list_settings()[optuna_trial.params[_ZIP]]
            planned = self.planner.plan_seeds(optuna_trial.number, setting)
            if planned[0].outcome_digest in {planned_run.outcome_digest for planned_run in self.execution.planned_runs}:
                # The same experiment has been tried before.
                self.study.tell(optuna_trial, state=self.optuna.trial.TrialState.FAIL)
                continue
            if not self.execution.force:
                self.execution.existing_runs |= find_existing_runs(self.execution.store, planned)
            first = len(self.execution.planned_runs)
            self.execution.planned_runs += planned
            trial = _Trial(
                optuna_trial,
                [first + index for index, planned_run in enumerate(planned) if self.execution.is_missing(planned_run)],
            )
            records = [
                self.execution.existing_runs[planned_run.outcome_digest].record
                for planned_run in planned
                if planned_run.outcome_digest in self.execution.existing_runs
            ]
            trial.best_scores += [_get_best_score(record) for record in records if record.status == "completed"]
            if trial.pending_numbers:
                self.trials.append(trial)
                return trial
            self.finish_trial(trial)
        return None

    def get_running_trial(self, number: int) -> _Trial:
        """Return the trial whose planned run with this number is in training."""
        return next(trial for trial in self.trials if trial.is_training and trial.pending_numbers[0] == number)

    def tell(self, result: TaskResult) -> None:
        trial = self.get_running_trial(result.number)
        trial.is_training = False
        trial.pending_numbers.pop(0)
        if result.record is not None and result.status == "completed":
            trial.best_scores.append(_get_best_score(result.record))
            if not trial.pending_numbers:
                self.finish_trial(trial)
            return
        self.execution.abandoned_numbers.update(trial.pending_numbers)
        trial.pending_numbers.clear()
        trial_states = self.optuna.trial.TrialState
        hopeless = result.record is not None and _has_failed_by_setting(result.record)
        self.study.tell(trial.optuna_trial, state=trial_states.PRUNED if hopeless else trial_states.FAIL)

    def finish_trial(self, trial: _Trial) -> None:
        """Report the mean of a trial's best scores to Optuna, which ends the trial.

        A trial without scores is reported as failed.
        """
        if trial.best_scores:
            self.study.tell(trial.optuna_trial, fmean(trial.best_scores))
        else:
            self.study.tell(trial.optuna_trial, state=self.optuna.trial.TrialState.FAIL)

    def should_prune(self, event: EpochDone) -> str:
        trial, value = self.get_running_trial(event.number), event.row[self.monitor]
        epochs = self.execution.planned_runs[event.number].loaded.experiment.epochs
        trial.optuna_trial.report(value, int(len(trial.best_scores) * epochs + event.row["epoch"]))
        if event.row["epoch"] < epochs and trial.optuna_trial.should_prune():
            return (
                f"{PRUNED_PREFIX} after epoch {event.row['epoch']}: {self.monitor} {value:.4g} is "
                "worse than in most other trials"
            )
        return ""


def _has_failed_by_setting(record: Record) -> bool:
    """Return whether a run diverged or was pruned, which rules out its setting."""
    return record.status == "diverged" or _is_pruned(record)


def _is_pruned(record: Record) -> bool:
    """Return whether the search strategy stopped a run early."""
    return record.status == "interrupted" and (record.reason or "").startswith(PRUNED_PREFIX)


def _get_best_score(record: Record) -> float:
    """Return the monitored score of the best epoch. The run must have a best epoch."""
    return (record.results.best or {})[record.results.monitor]
