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

from dnn_cli.data import download, sources
from dnn_cli.data.idx import parse_idx, to_idx
from dnn_cli.data.sources import cache_folder, find_contents
from dnn_cli.errors import DataError
from dnn_cli.spec.datasets import FASHION_MNIST, IdxFile


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
        FASHION_MNIST,
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
    monkeypatch.setattr(sources, "SYSTEM", tmp_path / "usr" / "share" / "datasets")
    monkeypatch.setattr(sources.shutil, "which", lambda name: None)


def put(folder: Path, contents, zipped=True):
    folder.mkdir(parents=True)
    for name, content in contents.items():
        target = folder / (f"{name}.gz" if zipped else name)
        target.write_bytes(gzip.compress(content) if zipped else content)


@pytest.fixture
def mirror(tmp_path):
    """A web server on this machine; yields its address and the folder it serves."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("zipped", [True, False], ids=["zipped", "plain"])
def test_a_path_in_the_config_is_the_only_place_to_look(dataset, contents, tmp_path, zipped):
    put(tmp_path / "own", contents, zipped)
    assert find_contents(dataset, str(tmp_path / "own")) == contents
    assert not cache_folder(dataset).exists()


def test_a_wrong_path_is_an_error_even_where_other_sources_have_the_data(dataset, contents, tmp_path):
    put(sources.SYSTEM / dataset.folder, contents)
    with pytest.raises(DataError, match=r"data\.path: no train-images-idx3-ubyte in"):
        find_contents(dataset, str(tmp_path))


@pytest.mark.parametrize("where", ["keras", "package"])
def test_what_is_on_disk_is_found_and_cached(dataset, contents, tmp_path, where):
    folder = {"keras": tmp_path / "home" / ".keras" / "datasets", "package": sources.SYSTEM}[where]
    put(folder / dataset.folder, contents)
    assert find_contents(dataset) == contents
    cached = {path.name: path.read_bytes() for path in cache_folder(dataset).iterdir()}
    assert cached == contents


def test_the_cache_comes_first(dataset, contents, monkeypatch):
    put(cache_folder(dataset), contents, zipped=False)
    monkeypatch.setattr(sources, "SYSTEM", None)  # looking further would fail
    assert find_contents(dataset) == contents


@pytest.mark.parametrize("damage", [b"", b"torn", "link"], ids=["empty", "torn", "link to nowhere"])
def test_a_damaged_cache_is_replaced(dataset, contents, damage):
    put(sources.SYSTEM / dataset.folder, contents)
    cache = cache_folder(dataset)
    if damage == "link":
        cache.parent.mkdir(parents=True)
        cache.symlink_to("/nowhere")
    else:
        put(cache, contents, zipped=False)
        (cache / "t10k-labels-idx1-ubyte").write_bytes(damage)
    assert find_contents(dataset) == contents
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == contents


def test_a_cache_that_cannot_be_written_costs_only_time(dataset, contents, tmp_path):
    put(sources.SYSTEM / dataset.folder, contents)
    (tmp_path / "home" / ".cache").parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "home" / ".cache").write_text("a file in the way")
    assert find_contents(dataset) == contents


def test_a_mirror_is_downloaded_with_progress(dataset, contents, mirror):
    address, folder = mirror
    put(folder / "data", contents)
    seen = []
    found = find_contents(
        replace(dataset, mirrors=(f"{address}/data",)),
        watch=lambda doing, done=0, total=0: seen.append((doing, done, total)),
    )
    assert found == contents
    size = (folder / "data" / "train-images-idx3-ubyte.gz").stat().st_size
    assert ("downloading train-images-idx3-ubyte.gz", size, size) in seen


def test_a_bad_mirror_is_passed_over_and_leaves_nothing(dataset, contents, mirror, monkeypatch):
    monkeypatch.setattr(download, "CONNECT", 1)
    address, folder = mirror
    put(folder / "good", contents)
    put(folder / "bad", {**contents, "t10k-labels-idx1-ubyte": b"other bytes"})
    mirrors = ("http://127.0.0.1:1", f"{address}/none", f"{address}/bad", f"{address}/good")
    assert find_contents(replace(dataset, mirrors=mirrors)) == contents


def test_when_all_fail_every_source_has_its_reason(dataset, contents, mirror, monkeypatch):
    monkeypatch.setattr(download, "CONNECT", 1)
    address, folder = mirror
    put(folder / "torn", contents)
    torn = folder / "torn" / "train-images-idx3-ubyte.gz"
    torn.write_bytes(torn.read_bytes()[:-9])
    mirrors = ("http://127.0.0.1:1", f"{address}/none", f"{address}/torn")
    with pytest.raises(DataError) as refused:
        find_contents(replace(dataset, mirrors=mirrors))
    lines = refused.value.message.splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:4]] == [
        "the cache of dnn", "Keras's cache", "the package dataset-fashion-mnist",
    ]  # fmt: skip
    assert "http://127.0.0.1:1: cannot be reached" in lines[4]
    assert "none: answers 404" in lines[5]
    assert "torn: train-images-idx3-ubyte" in lines[6]
    assert "data.dataset=digits" in refused.value.hint
    assert not cache_folder(dataset).exists()


def test_the_package_is_downloaded_without_root(dataset, contents, tmp_path, monkeypatch):
    """With an `apt-get` and a `dpkg-deb` of our own that do what the real ones do, in the folders they are given."""
    put(tmp_path / "archive", contents)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apt-get").write_text(
        "#!/bin/sh\n"
        "while [ $# -gt 1 ]; do case $1 in -q) shift;; -o) mkdir -p ${2#*=}; shift 2;; *) break;; esac; done\n"
        f"[ $1 = update ] || cp -r {tmp_path}/archive $2.deb\n"
    )
    (programs / "dpkg-deb").write_text(
        f'#!/bin/sh\nmkdir -p "$3{sources.SYSTEM}"\ncp -r "$2" "$3{sources.SYSTEM}/fashion-mnist"\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(sources.shutil, "which", lambda name: str(programs / name))
    assert find_contents(dataset) == contents


def test_a_package_that_cannot_be_had_says_why(dataset, tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apt-get").write_text("#!/bin/sh\necho 'E: no network' >&2\nexit 100\n")
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(sources.shutil, "which", lambda name: str(programs / "apt-get"))
    with pytest.raises(DataError, match="apt-get download: apt-get: E: no network"):
        find_contents(dataset)


def test_keras_keeps_mnist_in_one_file_which_is_read_as_well(contents, dataset, tmp_path):
    archive = tmp_path / "home" / ".keras" / "datasets" / "mnist.npz"
    archive.parent.mkdir(parents=True)
    in_one = replace(dataset, folder="mnist", package=None, archive="mnist.npz")
    arrays = [parse_idx(content, name) for name, content in contents.items()]
    np.savez(archive, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    assert find_contents(in_one) == contents
    assert sorted(path.name for path in cache_folder(in_one).iterdir()) == sorted(contents)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "is not there", id="none"),
        pytest.param(b"PK no archive", "cannot be read", id="broken"),
        pytest.param(b"\x80\x04pickle", "cannot be read", id="pickle"),
    ],
)
def test_what_keras_file_is_not_is_said(dataset, tmp_path, content, reason):
    archive = tmp_path / "home" / ".keras" / "datasets" / "mnist.npz"
    archive.parent.mkdir(parents=True)
    if content:
        archive.write_bytes(content)
    with pytest.raises(DataError, match=rf"mnist\.npz {reason}"):
        find_contents(replace(dataset, folder="mnist", package=None, archive="mnist.npz"))
