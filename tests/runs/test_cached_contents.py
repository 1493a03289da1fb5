"""Tests of the bytes in which the index caches runs: equal parts of records become the same objects."""

from dnn_cli.runs.annotations import Annotations, write_annotations
from dnn_cli.runs.cached_contents import ContentReader, pack_details, pack_record
from dnn_cli.runs.run_info import read_details, read_run_info


def change_record(run, **changes):
    run.write_record(run.read_record().model_copy(update=changes))


def read_cached(reader, run):
    return reader.unpack_record(run, pack_record(read_run_info(run)))


def test_cached_records_equal_the_files_and_share_equal_parts(make_run):
    runs = [make_run(f"seed={seed}", digits=f"{seed:08x}") for seed in range(4)]
    change_record(runs[1], data={"fingerprint": "other"}, git={"commit": "abc"}, note="a field of a newer version")
    change_record(runs[2], flags={"TF_FLAG": "1"}, plan={"lanes": 4}, remarks=("a remark",))
    write_annotations(runs[3], Annotations(name="renamed", tags=("paper",)))
    reader = ContentReader()
    cached = [read_cached(reader, run) for run in runs]
    assert cached == [read_run_info(run) for run in runs]
    assert cached[0].record.data is cached[3].record.data
    assert [run_info.record.plan.get("lanes") for run_info in cached] == [None, None, 4, None]


def test_cached_details_equal_the_files(make_run):
    reader = ContentReader()
    runs = make_run(), make_run("data.folds=3", "data.fold=2", digits="00000002")
    details = [read_details(run) for run in runs]
    assert [reader.unpack_details(pack_details(item)) for item in details] == details
    assert [item.fold and item.fold.number for item in details] == [None, 2]


def test_content_of_an_earlier_format_is_invalid(make_run):
    run_info = read_run_info(make_run())
    earlier = f"{run_info.record.model_dump_json()}\0".encode()
    assert ContentReader().unpack_record(run_info.run, earlier) is None
