"""`inputs.npz`: written with the same bytes for the same inputs, and refused where its arrays do not fit each other."""

import dataclasses
import io
import json

import numpy as np
import pytest

from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.errors import RunError
from dnn_cli.runs.input_profile import InputProfile, read_input_profile, write_input_profile
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_archive import import_archive, pack_run
from dnn_cli.runs.store import Store

DATASET_INFO = DatasetInfo(
    input_shape=(3,), classes=("고양이", "dog"), examples=10, features=("a", "b", "ç"), target="what"
)


def build_profile(**changes):
    rows = np.arange(3, dtype=np.float32)
    inputs = InputProfile(DATASET_INFO, np.float32(1) + rows, rows, rows, rows + 1, rows, rows, None)
    return dataclasses.replace(inputs, **changes)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def are_equal(left, right):
    return all(
        np.array_equal(getattr(left, field.name), getattr(right, field.name)) if field.name != "dataset_info" else True
        for field in dataclasses.fields(InputProfile)
    )


@pytest.mark.parametrize(
    "inputs",
    [build_profile(), build_profile(mean=None, scale=np.asarray(np.float32(255)), looks=np.zeros((4, 2), np.float32))],
    ids=["a standardized table", "images"],
)
def test_written_profile_is_read_again(run, inputs):
    write_input_profile(run, inputs)
    profile = read_input_profile(run)
    assert profile.dataset_info == DATASET_INFO
    assert are_equal(profile, inputs)


def test_equal_inputs_make_equal_bytes_without_pickle(run):
    write_input_profile(run, build_profile())
    first = run.inputs.read_bytes()
    write_input_profile(run, build_profile())
    assert run.inputs.read_bytes() == first
    with np.load(run.inputs, allow_pickle=False) as arrays:
        assert json.loads(arrays["facts"].tobytes())["classes"] == ["고양이", "dog"]


def test_older_run_has_no_profile(run):
    assert read_input_profile(run) is None


def pack_npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def build_arrays(inputs, dataset_info=DATASET_INFO):
    arrays = {
        f.name: getattr(inputs, f.name)
        for f in dataclasses.fields(InputProfile)
        if f.name not in ("dataset_info", "looks")
    }
    return {**arrays, "facts": np.frombuffer(json.dumps(dataclasses.asdict(dataset_info)).encode(), np.uint8)}


GOOD = build_arrays(build_profile())


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK no zip", pack_npz(**GOOD)[:200],
        pack_npz(**{**GOOD, "facts": np.frombuffer(b"{}", np.uint8)}),
        pack_npz(**{**GOOD, "facts": np.frombuffer(b"\xff\x00", np.uint8)}),
        pack_npz(**{**GOOD, "facts": np.array([{}], object)}),
        pack_npz(**{**GOOD, "extra": np.zeros(3, np.float32)}),
        pack_npz(**{name: array for name, array in GOOD.items() if name != "average"}),
        pack_npz(**{**GOOD, "average": np.zeros(4, np.float32)}),
        pack_npz(**{**GOOD, "average": np.zeros(3)}),
        pack_npz(**{**GOOD, "scale": np.zeros(3, np.float32)}),
        pack_npz(**{**GOOD, "mean": np.full(3, np.nan, np.float32)}),
        pack_npz(**{**GOOD, "target_mean": np.ones(1, np.float32)}),
        pack_npz(**{**GOOD, "target_mean": np.ones(1, np.float32), "target_scale": np.zeros(1, np.float32)}),
        pack_npz(**build_arrays(build_profile(), dataclasses.replace(DATASET_INFO, classes=("one",)))),
        pack_npz(**build_arrays(build_profile(), dataclasses.replace(DATASET_INFO, features=("a",)))),
        pack_npz(**build_arrays(build_profile(), dataclasses.replace(DATASET_INFO, input_shape=(10**12,)))),
        pack_npz(**build_arrays(build_profile(), dataclasses.replace(DATASET_INFO, input_shape=()))),
    ],
    ids=[
        "empty", "no zip", "cut", "no facts in it", "no JSON", "pickled", "an array too many", "an array missing",
        "too long", "of 64 bits", "divides by 0", "not finite", "half a scaling", "targets by 0", "one class",
        "too few names", "huge", "no shape",
    ],
)  # fmt: skip
def test_inconsistent_profile_is_refused(run, content):
    run.inputs.write_bytes(content)
    with pytest.raises(RunError, match=r"inputs\.npz is damaged"):
        read_input_profile(run)


def test_inputs_are_scaled_as_in_training(run):
    scaled = build_profile().scale_inputs(np.array([[1, 2, 3]], np.uint8))
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [[1, 0.5, np.float32(1) / np.float32(3)]]


def test_profile_is_part_of_the_run_archive(make_run, tmp_path):
    run = make_run()
    write_input_profile(run, build_profile())
    assert are_equal(read_input_profile(import_archive(pack_run(run), Store(tmp_path / "home"))), build_profile())
