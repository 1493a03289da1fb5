"""The contents of the index: the small files of a run as bytes, and the reading of these bytes.

Most runs of a store share their data, versions and machine. These parts of records are stored as a text of their own.
Each such text is parsed once, and its values become the same objects in all records: that saves time and memory.
"""

import json
from typing import Any

import pydantic_core

from dnn_cli.config.cross_validation import Fold
from dnn_cli.errors import RunError
from dnn_cli.runs.annotations import NO_ANNOTATIONS, Annotations
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunDetails, RunInfo, read_valid_annotations, with_annotations

_SHARED_FIELDS = {"plan", "parameters", "data", "code", "versions", "platform", "flags", "git"}
"""Fields of a record that have equal values in many runs."""

_EMPTY_FIELDS = b',"plan":{},"parameters":{},"data":{},"versions":{},"platform":{},"flags":{}}'
"""JSON of the shared fields that are dictionaries, with empty values, as the end of an object.

For a missing field, Pydantic would copy the default value, which takes longer than the other fields together."""


def pack_record(run_info: RunInfo) -> bytes | None:
    """Return the bytes in which the index caches the record and annotations of a run.

    The result is `None`, and the run is not cached, if the run is running or its record is unreadable.
    """
    if run_info.record is None or run_info.record.status == "running":
        return None
    try:
        record = run_info.run.read_raw_record()
    except RunError:
        return None
    # The process has ended without closing the record: `metrics.csv` has the epochs.
    if record.status == "running":
        return None
    annotations = read_valid_annotations(run_info.run)
    annotations_json = annotations.model_dump_json() if annotations != NO_ANNOTATIONS else ""
    own, shared = record.model_dump_json(exclude=_SHARED_FIELDS), record.model_dump_json(include=_SHARED_FIELDS)
    return f"{own}\0{shared}\0{annotations_json}".encode()


def pack_details(details: RunDetails) -> bytes:
    """Return the bytes in which the index caches the config and metrics of a run."""
    texts = (
        json.dumps([details.variant_digest, details.seed, details.fold]),
        json.dumps(details.columns),
        details.config_json or "",
    )
    return b"\0".join([*(text.encode() for text in texts), details.metric_bytes])


class ContentReader:
    """Reader of cached contents, which remembers the parts that runs share."""

    def __init__(self) -> None:
        self._fields: dict[bytes, dict[str, Any]] = {}
        self._columns: dict[bytes, tuple[str, ...]] = {}

    def unpack_record(self, run: Run, content: bytes) -> RunInfo | None:
        """Return the run whose record and annotations are cached in these bytes; `None` if the bytes are invalid."""
        try:
            own, shared, annotations_json = content.split(b"\0")
            fields = self._fields.get(shared)
            if fields is None:
                record = Record.model_validate_json(b"%b,%b" % (own[:-1], shared[1:]))
                self._fields[shared] = {name: getattr(record, name) for name in _SHARED_FIELDS}
            else:
                record = Record.model_validate_json(own[:-1] + _EMPTY_FIELDS)
                # `model_copy` takes as long as the validation.
                vars(record).update(fields)
            if not annotations_json:
                return RunInfo(run, record)
            return with_annotations(RunInfo(run, record), Annotations.model_validate_json(annotations_json))
        except ValueError:
            return None

    def unpack_details(self, content: bytes) -> RunDetails | None:
        """Return the config and metrics that are cached in these bytes; `None` if the bytes are invalid."""
        try:
            header, columns_json, config_json, metric_bytes = content.split(b"\0", 3)
            variant_digest, seed, fold = pydantic_core.from_json(header)
            columns = self._columns.get(columns_json)
            if columns is None:
                columns = self._columns[columns_json] = tuple(pydantic_core.from_json(columns_json))
        except ValueError:
            return None
        return RunDetails(
            config_json.decode(), variant_digest, seed, Fold(*fold) if fold else None, columns, metric_bytes
        )
