"""Checkpoints are whole or not there, and nothing in one is believed that is not what a training writes."""

import io
import os
import zipfile

import numpy as np
import pytest

from dnn_cli.errors import RunError
from dnn_cli.runs.checkpoint import Checkpoint, Progress, load, read, save


def checkpoint(epoch, **arrays):
    rows = [{"epoch": number, "loss": 0.1 / number, "seconds": 1.0} for number in range(1, epoch + 1)]
    progress = Progress(experiment="x", epoch=epoch, rows=rows, seconds=1.5, callbacks={"A": {"best": None, "wait": 2}})
    return Checkpoint(progress, {"model.0": np.arange(6, dtype=np.float32).reshape(2, 3), **arrays})


def test_what_is_saved_is_loaded(make_run):
    run, saved = make_run(), checkpoint(3, **{"optimizer.0": np.array(7, np.int64), "seed": np.zeros(2, np.uint32)})
    save(run, saved)
    loaded, trouble = load(run)
    assert trouble is None
    assert loaded.progress == saved.progress
    assert loaded.arrays.keys() == saved.arrays.keys()
    for name, array in saved.arrays.items():
        assert (loaded.arrays[name].dtype, loaded.arrays[name].tobytes()) == (array.dtype, array.tobytes())


def test_there_are_two_and_never_more(make_run):
    run = make_run()
    for epoch in range(5):
        save(run, checkpoint(epoch))
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["last.npz", "previous.npz"]
    assert [read(path).progress.epoch for path in (run.last_checkpoint, run.previous_checkpoint)] == [4, 3]


@pytest.mark.parametrize("place", range(0, 100, 7), ids=lambda share: f"{share} percent")
def test_a_byte_that_has_turned_is_noticed_or_without_effect(make_run, place):
    run = make_run()
    save(run, checkpoint(1))
    save(run, checkpoint(2))
    content = bytearray(run.last_checkpoint.read_bytes())
    content[len(content) * place // 100] ^= 0xFF
    run.last_checkpoint.write_bytes(content)
    loaded, trouble = load(run)
    whole = checkpoint(1 if trouble else 2)
    assert loaded.progress == whole.progress
    assert loaded.arrays["model.0"].tobytes() == whole.arrays["model.0"].tobytes()


@pytest.mark.parametrize("length", [0, 1, 100, 700], ids=str)
def test_a_cut_file_falls_back_aloud(make_run, length):
    run = make_run()
    save(run, checkpoint(1))
    save(run, checkpoint(2))
    os.truncate(run.last_checkpoint, length)
    loaded, trouble = load(run)
    assert loaded.progress.epoch == 1
    assert trouble.startswith("checkpoint last.npz is damaged: ")


def npz(**arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def progress_bytes(text):
    return np.frombuffer(text.encode(), np.uint8)


HOSTILE = {
    "Python objects": npz(progress=progress_bytes("{}"), x=np.array([{}], object)),
    "no progress": npz(x=np.zeros(3)),
    "progress that is no JSON": npz(progress=progress_bytes("{")),
    "a number below 0": npz(progress=progress_bytes('{"experiment": "x", "epoch": -1}')),
    "a score that is no number": npz(progress=progress_bytes('{"experiment": "x", "rows": [{"loss": NaN}]}')),
    "a later version": npz(progress=progress_bytes('{"experiment": "x", "version": 99}')),
    "a bomb": npz(progress=progress_bytes('{"experiment": "x"}'), x=np.zeros(50_000_000)),
    "no zip": b"PK nothing",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_no_training_writes_is_refused(make_run, content):
    run = make_run()
    run.checkpoints.mkdir()
    run.last_checkpoint.write_bytes(content)
    with pytest.raises(RunError, match=r"checkpoint last\.npz is damaged"):
        read(run.last_checkpoint)
    assert load(run)[0] is None


@pytest.mark.parametrize("kind", ["directory", "FIFO", "link to a device"])
def test_what_is_no_file_blocks_nobody(make_run, kind):
    run = make_run()
    run.checkpoints.mkdir()
    if kind == "directory":
        run.last_checkpoint.mkdir()
    elif kind == "FIFO":
        os.mkfifo(run.last_checkpoint)
    else:
        run.last_checkpoint.symlink_to("/dev/zero")
    found, trouble = load(run)
    assert found is None
    assert "damaged" in trouble


def test_a_link_leads_no_checkpoint_elsewhere(make_run, tmp_path):
    run = make_run()
    (tmp_path / "elsewhere").mkdir()
    run.checkpoints.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is a link"):
        save(run, checkpoint(1))
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_zip_with_other_names_is_no_way_out(make_run, tmp_path):
    run = make_run()
    save(run, checkpoint(1))
    with zipfile.ZipFile(run.last_checkpoint, "a") as archive:
        archive.writestr("../../escaped.npy", b"x")
    load(run)
    assert not list(tmp_path.rglob("escaped*"))
