"""`inputs.npz`: written with the same bytes for the same inputs, and believed only where it fits together."""

import dataclasses
import io
import json

import numpy as np
import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs.inputs import Inputs, read_inputs, write_inputs
from dnn_cli.runs.parcel import adopt, pack
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.spec.datasets import Facts

FACTS = Facts(input_shape=(3,), classes=("고양이", "dog"), examples=10, features=("a", "b", "ç"), target="what")


def made(**changes):
    rows = np.arange(3, dtype=np.float32)
    inputs = Inputs(FACTS, np.float32(1) + rows, rows, rows, rows + 1, rows, rows, None)
    return dataclasses.replace(inputs, **changes)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def equal(left, right):
    return all(
        np.array_equal(getattr(left, field.name), getattr(right, field.name)) if field.name != "facts" else True
        for field in dataclasses.fields(Inputs)
    )


@pytest.mark.parametrize(
    "inputs",
    [made(), made(mean=None, scale=np.asarray(np.float32(255)), looks=np.zeros((4, 2), np.float32))],
    ids=["a standardized table", "images"],
)
def test_what_is_written_is_read_again(run, inputs):
    write_inputs(run, inputs)
    found = read_inputs(run)
    assert found.facts == FACTS
    assert equal(found, inputs)


def test_equal_inputs_make_equal_bytes_without_pickle(run):
    write_inputs(run, made())
    first = run.inputs.read_bytes()
    write_inputs(run, made())
    assert run.inputs.read_bytes() == first
    with np.load(run.inputs, allow_pickle=False) as arrays:
        assert json.loads(arrays["facts"].tobytes())["classes"] == ["고양이", "dog"]


def test_a_run_of_an_older_dnn_has_none(run):
    assert read_inputs(run) is None


def packed(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def arrays_of(inputs, facts=FACTS):
    arrays = {f.name: getattr(inputs, f.name) for f in dataclasses.fields(Inputs) if f.name not in ("facts", "looks")}
    return {**arrays, "facts": np.frombuffer(json.dumps(dataclasses.asdict(facts)).encode(), np.uint8)}


GOOD = arrays_of(made())


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK no zip", packed(**GOOD)[:200],
        packed(**{**GOOD, "facts": np.frombuffer(b"{}", np.uint8)}),
        packed(**{**GOOD, "facts": np.frombuffer(b"\xff\x00", np.uint8)}),
        packed(**{**GOOD, "facts": np.array([{}], object)}),
        packed(**{**GOOD, "extra": np.zeros(3, np.float32)}),
        packed(**{name: array for name, array in GOOD.items() if name != "average"}),
        packed(**{**GOOD, "average": np.zeros(4, np.float32)}),
        packed(**{**GOOD, "average": np.zeros(3)}),
        packed(**{**GOOD, "scale": np.zeros(3, np.float32)}),
        packed(**{**GOOD, "mean": np.full(3, np.nan, np.float32)}),
        packed(**arrays_of(made(), dataclasses.replace(FACTS, classes=("one",)))),
        packed(**arrays_of(made(), dataclasses.replace(FACTS, features=("a",)))),
        packed(**arrays_of(made(), dataclasses.replace(FACTS, input_shape=(10**12,)))),
        packed(**arrays_of(made(), dataclasses.replace(FACTS, input_shape=()))),
    ],
    ids=[
        "empty", "no zip", "cut", "no facts in it", "no JSON", "pickled", "an array too many", "an array missing",
        "too long", "of 64 bits", "divides by 0", "not finite", "one class", "too few names", "huge", "no shape",
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told_and_not_believed(run, content):
    run.inputs.write_bytes(content)
    with pytest.raises(RunError, match=r"inputs\.npz is damaged"):
        read_inputs(run)


def test_inputs_are_scaled_as_the_network_was_fed(run):
    found = made().scaled(np.array([[1, 2, 3]], np.uint8))
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 0.5, np.float32(1) / np.float32(3)]]


def test_the_file_travels_in_a_parcel(make_run, tmp_path):
    run = make_run()
    write_inputs(run, made())
    assert equal(read_inputs(adopt(pack(run), Store(tmp_path / "home"))), made())
