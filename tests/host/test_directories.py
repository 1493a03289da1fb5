import os
import stat
from pathlib import Path

import pytest

from dnn_cli.config.datasets import DATASETS
from dnn_cli.data.dataset_sources import iter_sources
from dnn_cli.formats.dataset_contents import ignore_progress
from dnn_cli.host import directories

TEMPORARY_NAME = f"dnn-{os.geteuid()}"


@pytest.fixture
def outside(monkeypatch, tmp_path):
    """Set the environment of a container: no home directory, and a directory for temporary files."""
    for name in ("HOME", "XDG_CACHE_HOME", "KERAS_HOME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")  # so that what a test sets is undone
        monkeypatch.delenv(name)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))

    def raise_key_error(number):
        raise KeyError(number)

    monkeypatch.setattr(directories.pwd, "getpwuid", raise_key_error)
    return tmp_path


def test_cache_is_in_home_directory(outside, monkeypatch):
    monkeypatch.setenv("HOME", str(outside))
    assert directories.find_cache() == directories.CacheDirectory(outside / ".cache" / "dnn")
    assert directories.find_keras_directory() == outside / ".keras"
    directories.redirect_libraries()
    assert "KERAS_HOME" not in os.environ


@pytest.mark.parametrize(
    ("home", "reason"),
    [
        (None, "HOME is not set, and user"),
        ("/", "HOME is /, which is not a home directory"),
        ("~", "HOME is ~, which is not a home directory"),
        ("/dev/null/nowhere", "which does not exist"),
    ],
)
def test_without_home_the_cache_is_temporary_and_private(outside, monkeypatch, home, reason):
    if home is not None:
        monkeypatch.setenv("HOME", home)
    cache = directories.find_cache()
    assert reason in cache.reason
    assert cache.directory == outside / "tmp" / TEMPORARY_NAME
    assert stat.S_IMODE(cache.directory.stat().st_mode) == 0o700
    directories.redirect_libraries()
    assert os.environ["KERAS_HOME"] == str(cache.directory / "keras") == str(directories.find_keras_directory())
    assert Path.home().is_absolute()
    assert directories.find_cache().directory == cache.directory  # as the programs that this one starts find it


def test_unwritable_cache_is_still_read(outside, monkeypatch):
    (outside / "home").mkdir()
    (outside / "home" / ".cache").write_text("a file in place of the directory")
    monkeypatch.setenv("HOME", str(outside / "home"))
    cache = directories.find_cache()
    assert cache.directory == outside / "tmp" / TEMPORARY_NAME
    assert cache.reason == f"{outside / 'home' / '.cache'} cannot be written"
    names = [source.name for source in iter_sources(DATASETS["fashion_mnist"], ignore_progress)]
    assert names[1] == f"the cache in {outside / 'home' / '.cache' / 'dnn'}"


@pytest.mark.parametrize("kind", ["link", "file", "open to others"])
def test_directory_of_another_user_is_refused(outside, kind):
    path = outside / "tmp" / TEMPORARY_NAME
    if kind == "link":
        path.symlink_to(outside)
    elif kind == "file":
        path.write_text("")
    else:
        path.mkdir()
        path.chmod(0o777)
    cache = directories.find_cache()
    assert not cache.is_usable
    assert str(path) in cache.reason
    with pytest.raises(OSError):
        directories.get_cache_path("xla").mkdir(parents=True)


def test_program_without_home_creates_only_temporary_cache(program, outside):
    environment = {"HOME": "/dev/null/home", "TMPDIR": str(outside / "tmp")}
    output = program("doctor", "--quick", **environment).stdout
    assert f"{outside / 'tmp' / TEMPORARY_NAME}  " in output
    assert "temporary, because HOME is /dev/null/home, which does not exist" in output
    done = program("--install-completion", "bash", **environment)
    assert done.returncode == 2
    assert done.stderr == (
        "dnn: completion cannot be installed: HOME is /dev/null/home, which does not exist\n"
        "  dnn --show-completion bash prints the script\n"
    )
    assert os.listdir(outside) == ["tmp"]
