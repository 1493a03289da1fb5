"""Checkpoints are complete or absent, and content that no training writes is refused."""

import io
import os
import zipfile

import numpy as np
import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs.checkpoint import (
    Checkpoint,
    TrainingProgress,
    read_checkpoint,
    read_last_checkpoint,
    write_checkpoint,
)


def build_checkpoint(epoch, **arrays):
    rows = [{"epoch": number, "loss": 0.1 / number, "seconds": 1.0} for number in range(1, epoch + 1)]
    progress = TrainingProgress(
        experiment="x", epoch=epoch, rows=rows, seconds=1.5, callbacks={"A": {"best": None, "wait": 2}}
    )
    return Checkpoint(progress, {"model.0": np.arange(6, dtype=np.float32).reshape(2, 3), **arrays})


def test_saved_checkpoint_is_loaded(make_run):
    run, saved = (
        make_run(),
        build_checkpoint(3, **{"optimizer.0": np.array(7, np.int64), "seed": np.zeros(2, np.uint32)}),
    )
    write_checkpoint(run, saved)
    loaded, trouble = read_last_checkpoint(run)
    assert trouble is None
    assert loaded.progress == saved.progress
    assert loaded.arrays.keys() == saved.arrays.keys()
    for name, array in saved.arrays.items():
        assert (loaded.arrays[name].dtype, loaded.arrays[name].tobytes()) == (array.dtype, array.tobytes())


def test_at_most_two_checkpoints_are_kept(make_run):
    run = make_run()
    for epoch in range(5):
        write_checkpoint(run, build_checkpoint(epoch))
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["last.npz", "previous.npz"]
    assert [read_checkpoint(path).progress.epoch for path in (run.last_checkpoint, run.previous_checkpoint)] == [4, 3]


@pytest.mark.parametrize("percentage", range(0, 100, 7), ids=lambda share: f"{share} percent")
def test_flipped_byte_is_detected_or_harmless(make_run, percentage):
    run = make_run()
    write_checkpoint(run, build_checkpoint(1))
    write_checkpoint(run, build_checkpoint(2))
    content = bytearray(run.last_checkpoint.read_bytes())
    content[len(content) * percentage // 100] ^= 0xFF
    run.last_checkpoint.write_bytes(content)
    loaded, trouble = read_last_checkpoint(run)
    expected = build_checkpoint(1 if trouble else 2)
    assert loaded.progress == expected.progress
    assert loaded.arrays["model.0"].tobytes() == expected.arrays["model.0"].tobytes()


@pytest.mark.parametrize("length", [0, 1, 100, 700], ids=str)
def test_truncated_checkpoint_falls_back_with_a_message(make_run, length):
    run = make_run()
    write_checkpoint(run, build_checkpoint(1))
    write_checkpoint(run, build_checkpoint(2))
    os.truncate(run.last_checkpoint, length)
    loaded, trouble = read_last_checkpoint(run)
    assert loaded.progress.epoch == 1
    assert trouble.startswith("checkpoint last.npz is damaged: ")


def pack_npz(**arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def encode_progress(text):
    return np.frombuffer(text.encode(), np.uint8)


HOSTILE = {
    "Python objects": pack_npz(progress=encode_progress("{}"), x=np.array([{}], object)),
    "no progress": pack_npz(x=np.zeros(3)),
    "progress that is no JSON": pack_npz(progress=encode_progress("{")),
    "a number below 0": pack_npz(progress=encode_progress('{"experiment": "x", "epoch": -1}')),
    "a score that is no number": pack_npz(progress=encode_progress('{"experiment": "x", "rows": [{"loss": NaN}]}')),
    "a later version": pack_npz(progress=encode_progress('{"experiment": "x", "version": 99}')),
    "a bomb": pack_npz(progress=encode_progress('{"experiment": "x"}'), x=np.zeros(1_000_000)),
    "no zip": b"PK nothing",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_invalid_checkpoint_is_refused(make_run, content):
    run = make_run()
    run.checkpoints.mkdir()
    run.last_checkpoint.write_bytes(content)
    with pytest.raises(RunError, match=r"checkpoint last\.npz is damaged"):
        read_checkpoint(run.last_checkpoint)
    assert read_last_checkpoint(run)[0] is None


@pytest.mark.parametrize("kind", ["directory", "FIFO", "link to a device"])
def test_checkpoint_that_is_not_a_file_does_not_block(make_run, kind):
    run = make_run()
    run.checkpoints.mkdir()
    if kind == "directory":
        run.last_checkpoint.mkdir()
    elif kind == "FIFO":
        os.mkfifo(run.last_checkpoint)
    else:
        run.last_checkpoint.symlink_to("/dev/zero")
    loaded, trouble = read_last_checkpoint(run)
    assert loaded is None
    assert "damaged" in trouble


def test_checkpoints_are_not_written_through_a_link(make_run, tmp_path):
    run = make_run()
    (tmp_path / "elsewhere").mkdir()
    run.checkpoints.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is a link"):
        write_checkpoint(run, build_checkpoint(1))
    assert not list((tmp_path / "elsewhere").iterdir())


def test_zip_members_cannot_escape_the_directory(make_run, tmp_path):
    run = make_run()
    write_checkpoint(run, build_checkpoint(1))
    with zipfile.ZipFile(run.last_checkpoint, "a") as archive:
        archive.writestr("../../escaped.npy", b"x")
    read_last_checkpoint(run)
    assert not list(tmp_path.rglob("escaped*"))
