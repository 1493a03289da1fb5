import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dnn_cli.formats import image_cache
from dnn_cli.formats.image_cache import DecodedImages, compute_cache_key, read_cached_images, write_cached_images

IMAGES = DecodedImages(np.arange(48, dtype=np.uint8).reshape(4, 2, 2, 3), (1, 5))


@pytest.fixture(autouse=True)
def directory(monkeypatch, tmp_path):
    """Return the directory of an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dnn" / "images"


def list_files(directory):
    """List the names of the files in a directory."""
    return sorted(os.listdir(directory))


def test_written_images_are_read(directory):
    assert read_cached_images("key") is None
    assert write_cached_images("key", IMAGES)
    images = read_cached_images("key")
    assert np.array_equal(images.pixels, IMAGES.pixels)
    assert images.damaged == (1, 5)
    assert not images.pixels.flags.writeable
    assert list_files(directory) == ["key.images"]


def test_mapped_images_survive_replacement_and_removal(directory):
    write_cached_images("key", IMAGES)
    images = read_cached_images("key")
    write_cached_images("key", DecodedImages(np.zeros((4, 2, 2, 3), np.uint8)))
    (directory / "key.images").unlink()
    assert np.array_equal(images.pixels, IMAGES.pixels)


def test_every_damage_of_a_cache_file_is_noticed(directory):
    write_cached_images("key", IMAGES)
    path = directory / "key.images"
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert read_cached_images("key") is None
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :])
        assert read_cached_images("key") is None
    path.write_bytes(content + b"x")
    assert read_cached_images("key") is None
    path.write_bytes(content)
    assert read_cached_images("key") is not None


def test_least_recently_used_files_are_removed(directory, monkeypatch):
    monkeypatch.setattr(image_cache, "MAX_CACHE_BYTES", 400)
    for number, key in enumerate("abc"):
        write_cached_images(key, IMAGES)
        os.utime(directory / f"{key}.images", (number, number))
    assert read_cached_images("a") is not None
    write_cached_images("d", DecodedImages(np.zeros((100, 1), np.uint8)))
    assert "b.images" not in list_files(directory)
    assert {"a.images", "d.images"} <= set(list_files(directory))
    assert not write_cached_images("e", DecodedImages(np.zeros(401, np.uint8)))
    assert "a.images" in list_files(directory)


def test_files_of_ended_processes_are_removed(directory):
    write_cached_images("a", IMAGES)
    for name, age in (("old.partial", 10_000), ("new.partial", 0)):
        (directory / name).write_bytes(b"x")
        os.utime(directory / name, (time.time() - age,) * 2)
    write_cached_images("b", IMAGES)
    assert list_files(directory) == ["a.images", "b.images", "new.partial"]


def test_failed_writing_leaves_no_file(directory, monkeypatch):
    write_cached_images("a", IMAGES)
    monkeypatch.setattr(image_cache.Path, "replace", lambda *paths: os.replace(directory / "missing", directory))
    assert not write_cached_images("b", IMAGES)
    assert list_files(directory) == ["a.images"]


def test_full_disk_is_left_alone(directory, monkeypatch):
    monkeypatch.setattr(
        image_cache.shutil, "disk_usage", lambda path: image_cache.shutil._ntuple_diskusage(100, 0, 100)
    )
    assert not write_cached_images("a", IMAGES)
    assert list_files(directory) == []


def test_key_depends_on_every_part():
    keys = {compute_cache_key(parts) for parts in ([1, "a"], [1, "b"], ["1", "a"], [1], [(1, "a")], ["\udcff"])}
    assert len(keys) == 6


def test_concurrent_writers_leave_complete_files(directory):
    versions = [DecodedImages(np.full((50, 50), number, np.uint8), (number,)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(write_cached_images, "key", version) for version in versions * 5]
        while not all(job.done() for job in jobs):
            images = read_cached_images("key")
            assert images is None or np.all(images.pixels == images.damaged[0])
    assert all(job.result() for job in jobs)
    assert list_files(directory) == ["key.images"]
