"""Every source in its order, with a small dataset of our own, a mirror of our own, and no network."""

import functools
import gzip
import hashlib
import http.server
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dnn_cli.config.datasets import DATASETS, IdxFile
from dnn_cli.data import dataset_sources
from dnn_cli.data.dataset_sources import get_dataset_cache_directory, load_dataset_files
from dnn_cli.errors import DataError
from dnn_cli.formats.idx import parse_idx, to_idx


@pytest.fixture
def contents():
    random = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte": random.integers(0, 256, (6, 2, 2), np.uint8),
        "train-labels-idx1-ubyte": random.integers(0, 10, 6).astype(np.uint8),
        "t10k-images-idx3-ubyte": random.integers(0, 256, (3, 2, 2), np.uint8),
        "t10k-labels-idx1-ubyte": random.integers(0, 10, 3).astype(np.uint8),
    }
    return {name: to_idx(array) for name, array in arrays.items()}


@pytest.fixture
def dataset(contents):
    """Fashion-MNIST in small: the same names, other content, and no mirror."""
    files = {name: IdxFile(name, hashlib.sha256(content).hexdigest()) for name, content in contents.items()}
    return replace(
        DATASETS["fashion_mnist"],
        train_images=files["train-images-idx3-ubyte"],
        train_labels=files["train-labels-idx1-ubyte"],
        test_images=files["t10k-images-idx3-ubyte"],
        test_labels=files["t10k-labels-idx1-ubyte"],
        mirrors=(),
    )


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """An empty home, an empty system, and no apt-get."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(dataset_sources, "SYSTEM_DIRECTORY", tmp_path / "usr" / "share" / "datasets")
    monkeypatch.setattr(dataset_sources.shutil, "which", lambda name: None)


def write_files(directory: Path, contents, zipped=True):
    directory.mkdir(parents=True)
    for name, content in contents.items():
        target = directory / (f"{name}.gz" if zipped else name)
        target.write_bytes(gzip.compress(content) if zipped else content)


@pytest.fixture
def mirror(tmp_path):
    """A web server on this machine; yields its address and the directory it serves."""
    served = tmp_path / "mirror"
    served.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("zipped", [True, False], ids=["zipped", "plain"])
def test_configured_path_is_the_only_source(dataset, contents, tmp_path, zipped):
    write_files(tmp_path / "own", contents, zipped)
    assert load_dataset_files(dataset, str(tmp_path / "own")) == contents
    assert not get_dataset_cache_directory(dataset).exists()


def test_wrong_path_is_an_error_despite_other_sources(dataset, contents, tmp_path):
    write_files(dataset_sources.SYSTEM_DIRECTORY / dataset.directory_name, contents)
    with pytest.raises(DataError, match=r"data\.path: train-images-idx3-ubyte does not exist in"):
        load_dataset_files(dataset, str(tmp_path))


@pytest.mark.parametrize("source", ["keras", "package"])
def test_files_on_disk_are_found_and_cached(dataset, contents, tmp_path, source):
    keras_directory = tmp_path / "home" / ".keras" / "datasets"
    directory = {"keras": keras_directory, "package": dataset_sources.SYSTEM_DIRECTORY}[source]
    write_files(directory / dataset.directory_name, contents)
    assert load_dataset_files(dataset) == contents
    cached = {path.name: path.read_bytes() for path in get_dataset_cache_directory(dataset).iterdir()}
    assert cached == contents


def test_cache_is_the_first_source(dataset, contents, monkeypatch):
    write_files(get_dataset_cache_directory(dataset), contents, zipped=False)
    monkeypatch.setattr(dataset_sources, "SYSTEM_DIRECTORY", None)  # looking further would fail
    assert load_dataset_files(dataset) == contents


@pytest.mark.parametrize("damage", [b"", b"torn", "link"], ids=["empty", "torn", "link to nowhere"])
def test_a_damaged_cache_is_replaced(dataset, contents, damage):
    write_files(dataset_sources.SYSTEM_DIRECTORY / dataset.directory_name, contents)
    cache = get_dataset_cache_directory(dataset)
    if damage == "link":
        cache.parent.mkdir(parents=True)
        cache.symlink_to("/nowhere")
    else:
        write_files(cache, contents, zipped=False)
        (cache / "t10k-labels-idx1-ubyte").write_bytes(damage)
    assert load_dataset_files(dataset) == contents
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == contents


def test_unwritable_cache_is_tolerated(dataset, contents, tmp_path):
    write_files(dataset_sources.SYSTEM_DIRECTORY / dataset.directory_name, contents)
    (tmp_path / "home" / ".cache").parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "home" / ".cache").write_text("a file in the way")
    assert load_dataset_files(dataset) == contents


def test_download_from_mirror_reports_progress(dataset, contents, mirror):
    address, served = mirror
    write_files(served / "data", contents)
    seen = []
    downloaded = load_dataset_files(
        replace(dataset, mirrors=(f"{address}/data",)),
        report_progress=lambda doing, done=0, total=0: seen.append((doing, done, total)),
    )
    assert downloaded == contents
    size = (served / "data" / "train-images-idx3-ubyte.gz").stat().st_size
    assert ("downloading train-images-idx3-ubyte.gz", size, size) in seen


def test_bad_mirrors_are_skipped(dataset, contents, mirror, monkeypatch):
    monkeypatch.setattr(dataset_sources, "CONNECT_TIMEOUT", 1)
    address, served = mirror
    write_files(served / "good", contents)
    write_files(served / "bad", {**contents, "t10k-labels-idx1-ubyte": b"other bytes"})
    mirrors = ("http://127.0.0.1:1", f"{address}/none", f"{address}/bad", f"{address}/good")
    assert load_dataset_files(replace(dataset, mirrors=mirrors)) == contents


def test_error_gives_a_reason_for_every_source(dataset, contents, mirror, monkeypatch):
    monkeypatch.setattr(dataset_sources, "CONNECT_TIMEOUT", 1)
    address, served = mirror
    write_files(served / "torn", contents)
    torn = served / "torn" / "train-images-idx3-ubyte.gz"
    torn.write_bytes(torn.read_bytes()[:-9])
    mirrors = ("http://127.0.0.1:1", f"{address}/none", f"{address}/torn")
    with pytest.raises(DataError) as refused:
        load_dataset_files(replace(dataset, mirrors=mirrors))
    lines = refused.value.message.splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:4]] == [
        "the cache of dnn", "Keras's cache", "the package dataset-fashion-mnist",
    ]  # fmt: skip
    assert "http://127.0.0.1:1: cannot be reached" in lines[4]
    assert "none: HTTP status 404" in lines[5]
    assert "torn: train-images-idx3-ubyte" in lines[6]
    assert "data.dataset=digits" in refused.value.suggestion
    assert not get_dataset_cache_directory(dataset).exists()


def test_the_package_is_downloaded_without_root(dataset, contents, tmp_path, monkeypatch):
    """Download with an `apt-get` and a `dpkg-deb` of our own, which do what the real ones do."""
    write_files(tmp_path / "archive", contents)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apt-get").write_text(
        "#!/bin/sh\n"
        "while [ $# -gt 1 ]; do case $1 in -q) shift;; -o) mkdir -p ${2#*=}; shift 2;; *) break;; esac; done\n"
        f"[ $1 = update ] || cp -r {tmp_path}/archive $2.deb\n"
    )
    target = dataset_sources.SYSTEM_DIRECTORY
    (programs / "dpkg-deb").write_text(f'#!/bin/sh\nmkdir -p "$3{target}"\ncp -r "$2" "$3{target}/fashion-mnist"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(dataset_sources.shutil, "which", lambda name: str(programs / name))
    assert load_dataset_files(dataset) == contents


def test_failed_package_download_gives_a_reason(dataset, tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apt-get").write_text("#!/bin/sh\necho 'E: no network' >&2\nexit 100\n")
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(dataset_sources.shutil, "which", lambda name: str(programs / "apt-get"))
    with pytest.raises(DataError, match="apt-get download: apt-get: E: no network"):
        load_dataset_files(dataset)


def test_keras_mnist_archive_is_read(contents, dataset, tmp_path):
    archive = tmp_path / "home" / ".keras" / "datasets" / "mnist.npz"
    archive.parent.mkdir(parents=True)
    in_one = replace(dataset, directory_name="mnist", debian_package=None, keras_archive="mnist.npz")
    arrays = [parse_idx(content, name) for name, content in contents.items()]
    np.savez(archive, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    assert load_dataset_files(in_one) == contents
    assert sorted(path.name for path in get_dataset_cache_directory(in_one).iterdir()) == sorted(contents)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "does not exist", id="none"),
        pytest.param(b"PK no archive", "cannot be read", id="broken"),
        pytest.param(b"\x80\x04pickle", "cannot be read", id="pickle"),
    ],
)
def test_invalid_keras_archive_is_refused(dataset, tmp_path, content, reason):
    archive = tmp_path / "home" / ".keras" / "datasets" / "mnist.npz"
    archive.parent.mkdir(parents=True)
    if content:
        archive.write_bytes(content)
    with pytest.raises(DataError, match=rf"mnist\.npz {reason}"):
        load_dataset_files(replace(dataset, directory_name="mnist", debian_package=None, keras_archive="mnist.npz"))
