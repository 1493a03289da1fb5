"""Export of runs to MLflow. If a run is exported again, its MLflow run is updated.

The tag `dnn.id` of an MLflow run holds the id of the exported run. MLflow can neither change a parameter nor remove a
metric. If parameters or scores of a run have changed since its export, a new MLflow run therefore replaces the old one.
MLflow can restore the old MLflow run.

The export uses `MlflowClient` instead of `mlflow.start_run`, whose active run could stay open.
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

from dnn_cli.config.identifiers import make_slug
from dnn_cli.errors import DnnError, UsageError
from dnn_cli.integrations.mlflow_content import MlflowContent, build_mlflow_content
from dnn_cli.runs.run_info import RunInfo

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.entities import Run as MlflowRun

_MLFLOW_INSTALL_COMMAND = "pip install -e '.[mlflow]'"
_STORE_SCHEMES = ("file", "sqlite", "http", "https", "databricks", "postgresql", "mysql", "mssql")

MLFLOW_ENVIRONMENT = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""Environment variables of MLflow that `dnn` sets before an export, unless the user has set them.

These values permit stores in directories, reduce retries, and disable telemetry and printed URLs.
"""

_MAX_PARAMS_PER_REQUEST = 100
"""Largest number of parameters in one request to MLflow."""

_MAX_METRICS_PER_REQUEST = 1000
"""Largest number of metric values in one request to MLflow."""

_ExportResult = Literal["new", "updated", "replaced", "unchanged"]


class MlflowDestination:
    """Experiment in an MLflow store, to which runs are exported."""

    def __init__(self, uri: str, experiment: str) -> None:
        """Connect to an MLflow store, and create the experiment if the store has no experiment of that name.

        Raises:
            UsageError: `uri` is not the address of a store, or MLflow is not installed.
            DnnError: the store cannot be reached.
        """
        self.uri = uri
        _check_store_uri(uri)
        for name, value in MLFLOW_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        with self.translate_errors():
            from mlflow.tracking import MlflowClient

            for logger in ("mlflow", "alembic"):
                logging.getLogger(logger).setLevel(logging.ERROR)
            self.client = MlflowClient(tracking_uri=uri)
            stored_experiment = self.client.get_experiment_by_name(experiment)
            self.experiment_id = (
                stored_experiment.experiment_id
                if stored_experiment is not None
                else self.client.create_experiment(experiment, _find_artifact_location(uri, experiment))
            )
        self.parents: dict[str, str] = {}

    def export_run(self, run_info: RunInfo, *, models: bool = False) -> _ExportResult:
        """Export a run, or update its MLflow run, and return the outcome.

        The outcome is `new`, `updated` or `unchanged`. It is `replaced` if the MLflow run could not be updated, and a
        new MLflow run replaces the old one. With `models`, also export the saved models of the run.

        Raises:
            RunError: the run is broken.
            DnnError: the store refuses the run.
        """
        run_content = build_mlflow_content(run_info, models=models)
        with self.translate_errors():
            stored_run = self.find_tagged_run("dnn.id", run_content.tags["dnn.id"])
            if stored_run is not None and stored_run.data.tags.get("dnn.digest") == run_content.digest:
                return "unchanged"
            result: _ExportResult = "new" if stored_run is None else "updated"
            stored_metrics = self.list_metrics(stored_run) if stored_run is not None else []
            if stored_run is not None and not _can_append(run_content, stored_run.data.params, stored_metrics):
                self.client.delete_run(stored_run.info.run_id)
                result, stored_run, stored_metrics = "replaced", None, []
            run_id = (
                self.create_run(run_content.name, run_content.started, {})
                if stored_run is None
                else stored_run.info.run_id
            )
            self.write_content(run_id, run_content, {(metric.key, metric.step) for metric in stored_metrics})
            if run_info.record is not None and run_info.record.sweeps:
                sweep = run_info.record.sweeps[0]
                self.client.set_tag(
                    run_id, "mlflow.parentRunId", self.get_sweep_run(sweep.id, sweep.name, run_content.started)
                )
            for path in run_content.files:
                self.client.log_artifact(run_id, str(path))
            if run_content.status == "RUNNING":
                self.client.update_run(run_id, status=run_content.status, name=run_content.name)
            else:
                self.client.update_run(run_id, name=run_content.name)
                self.client.set_terminated(run_id, run_content.status, run_content.ended)
            # The digest is written last, so that an interrupted export is repeated.
            self.client.set_tag(run_id, "dnn.digest", run_content.digest)
            return result

    def find_tagged_run(self, tag: str, value: str) -> "MlflowRun | None":
        """Return the latest MLflow run whose tag has this value, or `None`."""
        runs = self.client.search_runs([self.experiment_id], f"tags.`{tag}` = '{value}'", max_results=1)
        return runs[0] if runs else None

    def list_metrics(self, run: "MlflowRun") -> "list[Metric]":
        """Return the complete history of all metrics of an MLflow run."""
        return [metric for name in run.data.metrics for metric in self.client.get_metric_history(run.info.run_id, name)]

    def create_run(self, name: str, started: int, tags: dict[str, str]) -> str:
        """Create an MLflow run, and return its id.

        `started` is the start time in milliseconds since 1970.
        """
        return str(self.client.create_run(self.experiment_id, started, tags, run_name=name).info.run_id)

    def get_sweep_run(self, sweep_id: str, name: str, started: int) -> str:
        """Return the id of the MLflow run that represents a sweep, and create this run if it is missing.

        MLflow lists the runs of the sweep below this run. If the run is created, `name` is the name of the sweep, and
        `started` is the start time in milliseconds since 1970.
        """
        if sweep_id not in self.parents:
            stored_run = self.find_tagged_run("dnn.sweep", sweep_id)
            run_id = (
                stored_run.info.run_id
                if stored_run
                else self.create_run(f"sweep {name}", started, {"dnn.sweep": sweep_id})
            )
            if stored_run is None:
                self.client.set_terminated(run_id, "FINISHED")
            self.parents[sweep_id] = run_id
        return self.parents[sweep_id]

    def write_content(self, run_id: str, run_content: MlflowContent, stored_keys: set[tuple[str, int]]) -> None:
        """Write the parameters, tags and missing metrics of a run.

        `stored_keys` holds the name and step of each metric that the store already has.
        """
        from mlflow.entities import Metric, Param, RunTag

        settings = iter([Param(key, value) for key, value in run_content.params.items()])
        while params := list(islice(settings, _MAX_PARAMS_PER_REQUEST)):
            self.client.log_batch(run_id, params=params)
        self.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in run_content.tags.items()])
        scores = iter([Metric(*metric) for metric in run_content.metrics if (metric[0], metric[3]) not in stored_keys])
        while metrics := list(islice(scores, _MAX_METRICS_PER_REQUEST)):
            self.client.log_batch(run_id, metrics=metrics)

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Convert errors of MLflow within the block into errors of `dnn` with a message in one line.

        Raises:
            UsageError: a package is not installed.
            DnnError: any other error of MLflow.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except ImportError as error:
            raise UsageError(
                f"--mlflow {hide_password(self.uri)} needs a package that is not installed: {error}",
                _MLFLOW_INSTALL_COMMAND,
            ) from None
        # MLflow, the network and databases raise errors of many classes.
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            reason = "the server does not respond" if "Max retries exceeded" in lines[0] else lines[0]
            raise DnnError(f"MLflow at {hide_password(self.uri)}: {reason[:300]}") from None


def _check_store_uri(uri: str) -> None:
    """Check that an address has the scheme of an MLflow store, and that MLflow is installed.

    Raises:
        UsageError: the scheme of the address is unknown, or MLflow is not installed.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise UsageError("--mlflow needs MLflow, which is not installed", _MLFLOW_INSTALL_COMMAND)
    if urlsplit(uri).scheme.partition("+")[0] not in _STORE_SCHEMES:
        raise UsageError(
            f"{uri} is not an address of an MLflow store",
            "for example sqlite:///mlflow.db, file:mlruns or http://localhost:5000",
        )


def _can_append(run_content: MlflowContent, params: Mapping[str, str], stored_metrics: "Sequence[Metric]") -> bool:
    """Return whether an export can add the missing parameters and metrics of a run to its stored MLflow run.

    If not, a new MLflow run must replace the stored one, because MLflow cannot change parameters or remove metrics.

    The result is `True` if all stored parameters and metrics have the same values in `run_content`. Metrics of the
    saved model and durations are not compared.
    """
    now = {
        (name, step): value
        for name, value, _, step in run_content.metrics
        if not name.startswith(("model.", "seconds"))
    }
    then = {
        (metric.key, metric.step): metric.value
        for metric in stored_metrics
        if not metric.key.startswith(("model.", "seconds"))
    }
    is_same = all(now.get(key) == value for key, value in then.items())
    return is_same and all(run_content.params.get(key) == value for key, value in params.items())


def _find_artifact_location(uri: str, experiment: str) -> str | None:
    """Return the address of the directory for files of MLflow runs, or `None` if the store is not an SQLite database.

    The directory is `mlruns` next to the database. Without this address, MLflow would use the working directory.
    """
    if urlsplit(uri).scheme != "sqlite":
        return None
    database = Path(uri.removeprefix("sqlite:///"))
    return (database.absolute().parent / "mlruns" / make_slug(experiment)).as_uri()


def hide_password(uri: str) -> str:
    """Return an address without its user name and password."""
    head, at, tail = uri.rpartition("@")
    return f"{head.partition('//')[0]}//…@{tail}" if at else uri
