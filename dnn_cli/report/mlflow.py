"""Runs in MLflow: each a run of an experiment there, found again by its id and brought up to date.

Through MLflow's client, which has no current run that somebody could leave open. MLflow never changes a parameter or
takes back a metric: a run that was trained otherwise since then gets a new run there, and its old one is deleted, which
MLflow can undo.
"""

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from dnn_cli.errors import DnnError, UsageError
from dnn_cli.report.mlflow_content import Content, content
from dnn_cli.runs.entry import Entry
from dnn_cli.spec.names import slug

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.entities import Run as MlflowRun

EXTRA = "pip install -e '.[mlflow]'"
SCHEMES = ("file", "sqlite", "http", "https", "databricks", "postgresql", "mysql", "mssql")

QUIET = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""MLflow's environment, as far as the user does not say it: few retries, and nothing is told to its makers."""

BATCH = 100
"""Parameters in a request."""

MANY = 1000
"""Metrics in a request."""

Outcome = Literal["new", "updated", "replaced", "unchanged"]


class Destination:
    """An experiment of an MLflow store."""

    def __init__(self, uri: str, experiment: str) -> None:
        """Reach a store, and make the experiment where it has none of that name.

        Raises:
            UsageError: this is no store, or MLflow is not installed.
            DnnError: the store cannot be reached.
        """
        self.uri = uri
        check(uri)
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        with self.told():
            from mlflow.tracking import MlflowClient

            for logger in ("mlflow", "alembic"):
                logging.getLogger(logger).setLevel(logging.ERROR)
            self.client = MlflowClient(tracking_uri=uri)
            known = self.client.get_experiment_by_name(experiment)
            self.experiment_id = (
                known.experiment_id
                if known is not None
                else self.client.create_experiment(experiment, artifact_location(uri, experiment))
            )
        self.parents: dict[str, str] = {}

    def export(self, entry: Entry, *, models: bool = False) -> Outcome:
        """Bring a run up to date there.

        Raises:
            RunError: the run is broken.
            DnnError: the store does not take it.
        """
        told = content(entry, models=models)
        with self.told():
            known = self.find("dnn.id", told.tags["dnn.id"])
            if known is not None and known.data.tags.get("dnn.digest") == told.digest:
                return "unchanged"
            outcome: Outcome = "new" if known is None else "updated"
            there = self.history(known) if known is not None else []
            if known is not None and not continues(told, known.data.params, there):
                self.client.delete_run(known.info.run_id)
                outcome, known, there = "replaced", None, []
            run_id = self.create(told.name, told.started, {}) if known is None else known.info.run_id
            self.write(run_id, told, {(one.key, one.step) for one in there})
            if entry.record is not None and entry.record.sweeps:
                sweep = entry.record.sweeps[0]
                self.client.set_tag(run_id, "mlflow.parentRunId", self.parent(sweep.id, sweep.name, told.started))
            for path in told.files:
                self.client.log_artifact(run_id, str(path))
            if told.status == "RUNNING":
                self.client.update_run(run_id, status=told.status, name=told.name)
            else:
                self.client.update_run(run_id, name=told.name)
                self.client.set_terminated(run_id, told.status, told.ended)
            self.client.set_tag(run_id, "dnn.digest", told.digest)  # the last: what is interrupted is done again
            return outcome

    def find(self, tag: str, value: str) -> "MlflowRun | None":
        """The latest run with a tag."""
        found = self.client.search_runs([self.experiment_id], f"tags.`{tag}` = '{value}'", max_results=1)
        return found[0] if found else None

    def history(self, run: "MlflowRun") -> "list[Metric]":
        """All metrics of a run."""
        return [one for name in run.data.metrics for one in self.client.get_metric_history(run.info.run_id, name)]

    def create(self, name: str, started: int, tags: dict[str, str]) -> str:
        """A new run; its id there."""
        return str(self.client.create_run(self.experiment_id, started, tags, run_name=name).info.run_id)

    def parent(self, sweep_id: str, name: str, started: int) -> str:
        """The run there that stands for a sweep, under which MLflow shows the runs that belong to it."""
        if sweep_id not in self.parents:
            known = self.find("dnn.sweep", sweep_id)
            run_id = known.info.run_id if known else self.create(f"sweep {name}", started, {"dnn.sweep": sweep_id})
            if known is None:
                self.client.set_terminated(run_id, "FINISHED")
            self.parents[sweep_id] = run_id
        return self.parents[sweep_id]

    def write(self, run_id: str, told: Content, there: set[tuple[str, int]]) -> None:
        """The parameters and tags of a run, and the metrics that are not there."""
        from mlflow.entities import Metric, Param, RunTag

        settings = iter([Param(key, value) for key, value in told.params.items()])
        while params := list(islice(settings, BATCH)):
            self.client.log_batch(run_id, params=params)
        self.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in told.tags.items()])
        scores = iter([Metric(*one) for one in told.metrics if (one[0], one[3]) not in there])
        while metrics := list(islice(scores, MANY)):
            self.client.log_batch(run_id, metrics=metrics)

    @contextmanager
    def told(self) -> Iterator[None]:
        """What goes wrong in MLflow, in one line.

        Raises:
            UsageError: something of it is not installed.
            DnnError: everything else.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except ImportError as error:
            raise UsageError(f"--mlflow {shown(self.uri)} needs what is not installed: {error}", EXTRA) from None
        except Exception as error:  # of MLflow, of the network, of a database
            lines = str(error).strip().splitlines() or [type(error).__name__]
            reason = "nobody answers there" if "Max retries exceeded" in lines[0] else lines[0]
            raise DnnError(f"MLflow at {shown(self.uri)}: {reason[:300]}") from None


def check(uri: str) -> None:
    """Refuse what is no store.

    Raises:
        UsageError: it is none, or MLflow is not installed.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise UsageError("--mlflow needs MLflow, which is not installed", EXTRA)
    if urlsplit(uri).scheme.partition("+")[0] not in SCHEMES:
        raise UsageError(f"{uri} is no store of MLflow", "as sqlite:///mlflow.db, file:mlruns or http://localhost:5000")


def continues(told: Content, params: Mapping[str, str], there: "Sequence[Metric]") -> bool:
    """Whether all that a store knows of a run is still so, and the rest can be added."""
    now = {(name, step): value for name, value, _, step in told.metrics if not name.startswith(("model.", "seconds"))}
    then = {(one.key, one.step): one.value for one in there if not one.key.startswith(("model.", "seconds"))}
    is_same = all(now.get(key) == value for key, value in then.items())
    return is_same and all(told.params.get(key) == value for key, value in params.items())


def artifact_location(uri: str, experiment: str) -> str | None:
    """Where files go: beside the database where it is a file, instead of where the command was typed."""
    if urlsplit(uri).scheme != "sqlite":
        return None
    database = Path(uri.removeprefix("sqlite:///"))
    return (database.absolute().parent / "mlruns" / slug(experiment)).as_uri()


def shown(uri: str) -> str:
    """An address less a password in it."""
    head, at, tail = uri.rpartition("@")
    return f"{head.partition('//')[0]}//…@{tail}" if at else uri
