"""Pair records: files that keep the pairs of a sequential comparison in their order."""

import json
import math

import pytest

from dnn_cli.errors import UsageError
from dnn_cli.runs.pair_record import (
    PairRecord,
    RecordedPair,
    choose_record_path,
    compute_comparison_id,
    find_pair_record,
    iter_pair_records,
    write_pair_record,
)
from dnn_cli.runs.store import Store

RECORD = PairRecord(
    metric="val_accuracy",
    variants=("a" * 64, "b" * 64),
    names=("sgd / 1", "adam"),
    fingerprint="sha256:0",
    margin=0.005,
    pairs=(
        RecordedPair(seed=1, runs=("00000001", "00000002"), scores=(0.9, 0.8)),
        RecordedPair(seed=7, runs=("00000003", "00000004"), scores=(None, 0.8)),
        RecordedPair(seed=2, runs=("00000005", "00000006"), scores=(None, None)),
    ),
    planned_seeds=(3, 4),
)


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = choose_record_path(tmp_path, RECORD)
    write_pair_record(path, RECORD)
    assert path.name == f"sgd-1-{RECORD.id}.json"
    assert find_pair_record(tmp_path, RECORD.id) == (path, RECORD)
    assert [*iter_pair_records(tmp_path)] == [RECORD]
    assert find_pair_record(tmp_path, "00000000") is None
    assert Store(tmp_path).list_runs() == []


def test_both_orders_of_the_groups_are_one_comparison():
    swapped = RECORD.swap()
    assert swapped.id == RECORD.id == compute_comparison_id(RECORD.variants[::-1], "val_accuracy")
    assert compute_comparison_id(RECORD.variants, "val_loss") != RECORD.id
    assert swapped.pairs[1].scores == (0.8, None) and swapped.names == ("adam", "sgd / 1")
    assert swapped.orient(RECORD.variants[0]) == RECORD == RECORD.orient(RECORD.variants[0])


def test_a_diverged_run_loses_its_pair():
    first, *others = RECORD.list_differences(lower_is_better=False)
    assert first == pytest.approx(0.1) and others == [-math.inf, 0.0]
    assert RECORD.list_differences(lower_is_better=True)[1:] == [math.inf, 0.0]
    assert RECORD.swap().list_differences(lower_is_better=False)[1:] == [math.inf, 0.0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 2}', "\udcff"])
def test_a_damaged_record_is_an_error_of_settle_and_no_record_for_compare(tmp_path, text):
    path = choose_record_path(tmp_path, RECORD)
    path.parent.mkdir()
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match="is not a pair record: ") as caught:
        find_pair_record(tmp_path, RECORD.id)
    assert "delete the file" in caught.value.suggestion
    assert [*iter_pair_records(tmp_path)] == []


def test_unknown_keys_and_infinite_scores_are_refused():
    document = json.loads(RECORD.model_dump_json())
    for change in ({"more": 1}, {"margin": 0}, {"pairs": [{"seed": 1, "runs": ["", ""], "scores": [math.inf, 0]}]}):
        with pytest.raises(ValueError, match="validation error"):
            PairRecord.model_validate({**document, **change})
