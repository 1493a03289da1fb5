import os
import stat
from pathlib import Path

import pytest

from dnn_cli.data.sources import sources
from dnn_cli.formats.watcher import quiet
from dnn_cli.host import folders
from dnn_cli.spec.datasets import DATASETS

TEMPORARY = f"dnn-{os.geteuid()}"


@pytest.fixture
def outside(monkeypatch, tmp_path):
    """The environment of a container: no home folder, and a folder for temporary files."""
    for name in ("HOME", "XDG_CACHE_HOME", "KERAS_HOME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")  # so that what a test sets is undone
        monkeypatch.delenv(name)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))

    def nobody(number):
        raise KeyError(number)

    monkeypatch.setattr(folders.pwd, "getpwuid", nobody)
    return tmp_path


def test_cache_is_in_the_home_folder(outside, monkeypatch):
    monkeypatch.setenv("HOME", str(outside))
    assert folders.cache() == folders.Cache(outside / ".cache" / "dnn")
    assert folders.keras_folder() == outside / ".keras"
    folders.redirect_libraries()
    assert "KERAS_HOME" not in os.environ


@pytest.mark.parametrize(
    ("home", "reason"),
    [
        (None, "HOME is not set, and user"),
        ("/", "HOME is /, which is not a home folder"),
        ("~", "HOME is ~, which is not a home folder"),
        ("/dev/null/nowhere", "which does not exist"),
    ],
)
def test_without_home_the_cache_is_temporary_and_private(outside, monkeypatch, home, reason):
    if home is not None:
        monkeypatch.setenv("HOME", home)
    found = folders.cache()
    assert reason in found.reason
    assert found.folder == outside / "tmp" / TEMPORARY
    assert stat.S_IMODE(found.folder.stat().st_mode) == 0o700
    folders.redirect_libraries()
    assert os.environ["KERAS_HOME"] == str(found.folder / "keras") == str(folders.keras_folder())
    assert Path.home().is_absolute()
    assert folders.cache().folder == found.folder  # as the programs that this one starts find it


def test_a_cache_that_cannot_be_written_is_replaced_but_read(outside, monkeypatch):
    (outside / "home").mkdir()
    (outside / "home" / ".cache").write_text("a file in the place of the folder")
    monkeypatch.setenv("HOME", str(outside / "home"))
    found = folders.cache()
    assert found.folder == outside / "tmp" / TEMPORARY
    assert found.reason == f"{outside / 'home' / '.cache'} cannot be written"
    names = [source.name for source in sources(DATASETS["fashion_mnist"], quiet)]
    assert names[1] == f"the cache in {outside / 'home' / '.cache' / 'dnn'}"


@pytest.mark.parametrize("kind", ["link", "file", "open to others"])
def test_a_folder_that_others_may_have_made_is_refused(outside, kind):
    place = outside / "tmp" / TEMPORARY
    if kind == "link":
        place.symlink_to(outside)
    elif kind == "file":
        place.write_text("")
    else:
        place.mkdir()
        place.chmod(0o777)
    found = folders.cache()
    assert not found.is_usable
    assert str(place) in found.reason
    with pytest.raises(OSError):
        folders.cache_folder("xla").mkdir(parents=True)


def test_program_says_where_caches_are_and_makes_nothing_strange(program, outside):
    environment = {"HOME": "/dev/null/home", "TMPDIR": str(outside / "tmp")}
    shown = program("doctor", "--quick", **environment).stdout
    assert f"{outside / 'tmp' / TEMPORARY}  " in shown
    assert "temporary, because HOME is /dev/null/home, which does not exist" in shown
    done = program("--install-completion", "bash", **environment)
    assert done.returncode == 2
    assert done.stderr == (
        "dnn: completion cannot be installed: HOME is /dev/null/home, which does not exist\n"
        "  dnn --show-completion bash prints the script\n"
    )
    assert os.listdir(outside) == ["tmp"]
