"""Readers of a directory of logs that use TensorBoard itself."""

from types import SimpleNamespace

import pytest


def read_event_runs(directory, module):
    """Read all runs below a directory, as TensorBoard finds them."""
    readers = "tensorboard.backend.event_processing"
    multiplexers = pytest.importorskip(f"{readers}.{module}", reason="TensorBoard is not installed")
    return multiplexers.EventMultiplexer().AddRunsFromDirectory(str(directory)).Reload()


def read_scalars(directory):
    """Read the values of every curve, by (run, tag) and then by step; check that no step occurs twice."""
    values = {}
    runs = read_event_runs(directory, "event_multiplexer")
    for run, tags in runs.Runs().items():
        for tag in tags["scalars"]:
            events = runs.Scalars(run, tag)
            values[run, tag] = {event.step: event.value for event in events}
            assert len(values[run, tag]) == len(events)
    return values


def read_hparams(directory):
    """Read the table of HParams: columns by name, metrics as (group, tag), and sessions by name."""
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2
    from tensorboard.plugins.hparams.backend_context import Context
    from tensorboard.plugins.hparams.list_session_groups import Handler

    context = RequestContext()
    runs = read_event_runs(directory, "plugin_event_multiplexer")
    backend = Context(TBContext(data_provider=MultiplexerDataProvider(runs, str(directory))))
    experiment = backend.experiment_from_metadata(context, "", True, backend.hparams_metadata(context, ""), [])
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, allowed_statuses=[0, 1, 2, 3], include_metrics=True
    )
    groups = Handler(context, backend, "", request).run().session_groups
    sessions = {
        group.name: SimpleNamespace(
            status=group.sessions[0].status,
            metrics={(metric.name.group, metric.name.tag): metric.value for metric in group.metric_values},
        )
        for group in groups
    }
    return (
        {info.name: info for info in experiment.hparam_infos},
        {(info.name.group, info.name.tag) for info in experiment.metric_infos},
        sessions,
    )
