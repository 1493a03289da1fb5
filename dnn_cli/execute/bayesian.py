"""A search that learns: Optuna's sampler says which setting to try next, its pruner which is not worth going on.

A trial is a setting; it is trained with one seed after the other, and its value is the mean of their best scores. What
was tried before, by the same command, is told to Optuna first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from dnn_cli.errors import UsageError
from dnn_cli.execute.found import find
from dnn_cli.execute.plan import Planned, Planner, Setting
from dnn_cli.execute.sweep import PRUNED, Sweeping
from dnn_cli.execute.task import Ended, EpochDone, Task
from dnn_cli.runs.address import membership
from dnn_cli.runs.record import Record
from dnn_cli.spec.metrics import lower_is_better
from dnn_cli.spec.values import Between, Choice, Values


@dataclass
class Trial:
    """A setting that is being tried."""

    asked: Any
    """Optuna's own."""

    numbers: list[int]
    """Of its experiments that are still to be trained, one after the other."""

    values: list[float] = field(default_factory=list)
    """The best scores of those that were."""

    is_training: bool = False


class Bayesian:
    """Asks Optuna, and tells it.

    Raises:
        UsageError: Optuna is not installed.
    """

    def __init__(self, sweeping: Sweeping) -> None:
        try:
            import optuna
        except ImportError:
            raise UsageError(
                "a bayesian search needs Optuna, which is not installed", "pip install 'dnn-cli[optuna]'"
            ) from None

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna, self.sweeping, self.planner = optuna, sweeping, Planner(sweeping.sweep)
        self.monitor = self.planner.experiments(0, self.any_setting())[0].loaded.experiment.monitor
        self.study = optuna.create_study(
            direction="minimize" if lower_is_better(self.monitor) else "maximize",
            pruner=optuna.pruners.MedianPruner(),
        )
        self.distributions = {key: self.distribution(values) for key, values in self.parameters.items()}
        self.trials: list[Trial] = []
        self.left = sweeping.sweep.trials or 0
        self.remember()
        # A sampler that begins again would propose again what it did: its seed counts on.
        seed = sweeping.sweep.search_seed + len(self.study.trials)
        self.study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)

    @property
    def parameters(self) -> dict[str, Values]:
        """What varies, less seeds."""
        return self.sweeping.sweep.parameters

    def any_setting(self) -> Setting:
        """One of those that may be tried."""
        return {key: values.ends[0] for key, values in self.parameters.items()}

    def distribution(self, values: Values) -> Any:
        """Values as Optuna knows them."""
        kinds = self.optuna.distributions
        if isinstance(values, Choice):
            return kinds.CategoricalDistribution(values.texts)
        if values.kind == "int":
            return kinds.IntDistribution(int(values.low), int(values.high))
        return kinds.FloatDistribution(values.low, values.high, log=values.kind == "log")

    def remember(self) -> None:
        """Tell Optuna what was tried before; what has not come to its end is tried first."""
        if self.sweeping.force:
            return
        store, identifier = self.sweeping.store, self.sweeping.id
        members = [one for entry in store.entries() if (one := membership(entry, identifier))]
        settings = {tuple((key, one.settings.get(key)) for key in self.parameters): None for one in members}
        for pairs in settings:
            setting = {key: text for key, text in pairs if text is not None}
            params = self.params_of(setting)
            if params is None or self.left == 0:
                continue
            planned = self.planner.experiments(len(self.sweeping.planned), setting)
            found = find(store, planned)
            records = [found[one.key].record for one in planned if one.key in found]
            if any(is_hopeless(record) for record in records):
                self.add(planned, found, params, self.optuna.trial.TrialState.PRUNED)
            elif len(records) == len(planned) and all(record.status == "completed" for record in records):
                value = fmean(best_of(record) for record in records)
                self.add(planned, found, params, self.optuna.trial.TrialState.COMPLETE, value)
            else:
                self.study.enqueue_trial(params)

    def add(self, planned: list[Planned], found: Any, params: dict[str, Any], state: Any, value: Any = None) -> None:
        """A trial from before."""
        self.left -= 1
        first = len(self.sweeping.planned)
        self.sweeping.given_up.update(first + n for n, one in enumerate(planned) if one.key not in found)
        self.sweeping.planned += planned
        self.sweeping.found |= found
        self.study.add_trial(
            self.optuna.trial.create_trial(state=state, value=value, params=params, distributions=self.distributions)
        )

    def params_of(self, setting: Setting) -> dict[str, Any] | None:
        """A setting as Optuna knows it; `None` where it is none of those that may be tried."""
        params: dict[str, Any] = {}
        for key, values in self.parameters.items():
            text = setting.get(key, "")
            try:
                params[key] = text if isinstance(values, Choice) else type(values.low)(text)
            except ValueError:
                return None
            if text not in values.texts if isinstance(values, Choice) else not values.low <= params[key] <= values.high:
                return None
        return params

    def next(self, compiled: Sequence[str | None], elsewhere: set[str]) -> Task | None:
        trial = next((trial for trial in self.trials if trial.numbers and not trial.is_training), None)
        if trial is None and self.left:
            trial = self.ask()
        if trial is None:
            return None
        trial.is_training = True
        return self.sweeping.task(trial.numbers[0])

    def ask(self) -> Trial | None:
        """The next trial that has something to train; `None` where there are no more."""
        while self.left:
            self.left -= 1
            asked = self.study.ask(self.distributions)
            setting = {
                key: values.text(asked.params[key]) if isinstance(values, Between) else asked.params[key]
                for key, values in self.parameters.items()
            }
            planned = self.planner.experiments(asked.number, setting)
            if planned[0].key in {one.key for one in self.sweeping.planned}:
                self.study.tell(asked, state=self.optuna.trial.TrialState.FAIL)  # it has been tried, and nothing is new
                continue
            if not self.sweeping.force:
                self.sweeping.found |= find(self.sweeping.store, planned)
            first = len(self.sweeping.planned)
            self.sweeping.planned += planned
            trial = Trial(asked, [first + index for index, one in enumerate(planned) if self.sweeping.is_missing(one)])
            records = [self.sweeping.found[one.key].record for one in planned if one.key in self.sweeping.found]
            trial.values += [best_of(record) for record in records if record.status == "completed"]
            if trial.numbers:
                self.trials.append(trial)
                return trial
            self.end(trial)
        return None

    def trial_of(self, number: int) -> Trial:
        """The trial that is training an experiment."""
        return next(trial for trial in self.trials if trial.is_training and trial.numbers[0] == number)

    def tell(self, ended: Ended) -> None:
        trial = self.trial_of(ended.number)
        trial.is_training = False
        trial.numbers.pop(0)
        if ended.record is not None and ended.status == "completed":
            trial.values.append(best_of(ended.record))
            if not trial.numbers:
                self.end(trial)
            return
        self.sweeping.given_up.update(trial.numbers)
        trial.numbers.clear()
        states = self.optuna.trial.TrialState
        hopeless = ended.record is not None and is_hopeless(ended.record)
        self.study.tell(trial.asked, state=states.PRUNED if hopeless else states.FAIL)

    def end(self, trial: Trial) -> None:
        """Tell Optuna what a trial came to."""
        if trial.values:
            self.study.tell(trial.asked, fmean(trial.values))
        else:
            self.study.tell(trial.asked, state=self.optuna.trial.TrialState.FAIL)

    def judge(self, event: EpochDone) -> str:
        trial, value = self.trial_of(event.number), event.row[self.monitor]
        epochs = self.sweeping.planned[event.number].loaded.experiment.epochs
        trial.asked.report(value, int(len(trial.values) * epochs + event.row["epoch"]))
        if event.row["epoch"] < epochs and trial.asked.should_prune():
            return f"{PRUNED} after epoch {event.row['epoch']}: {self.monitor} {value:.4g} is behind most other trials"
        return ""


def is_hopeless(record: Record) -> bool:
    """Whether a run has ended for a reason that lies in its setting."""
    return record.status == "diverged" or is_pruned(record)


def is_pruned(record: Record) -> bool:
    """Whether a run was not worth going on."""
    return record.status == "interrupted" and (record.reason or "").startswith(PRUNED)


def best_of(record: Record) -> float:
    """The best score of a run that has one."""
    return (record.results.best or {})[record.results.monitor]
