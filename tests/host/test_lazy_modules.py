import importlib
import inspect
import sys
import threading
import types

import pytest

from dnn_cli.host import lazy_modules
from dnn_cli.host.lazy_modules import import_lazily


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `lazypack` with the modules `slow` and `other`, and `slow.py`, which records its executions."""
    monkeypatch.syspath_prepend(str(tmp_path))
    directory = tmp_path / "lazypack"
    directory.mkdir()
    (directory / "__init__.py").write_text("from lazypack import slow\n")
    (directory / "slow.py").write_text(
        "import sys, time\n"
        "sys.lazypack_executions = getattr(sys, 'lazypack_executions', 0) + 1\n"
        "time.sleep(0.05)\n"
        "if sys.lazypack_executions == 1 and getattr(sys, 'lazypack_fails', False):\n"
        "    raise OSError('no disk')\n"
        "import lazypack.other\n"
        "VALUE = 3\n"
    )
    (directory / "other.py").write_text("import sys\nNAME = sys.modules['lazypack.slow'].__name__\n")
    monkeypatch.setattr(sys, "lazypack_executions", 0, raising=False)
    finders = list(sys.meta_path)
    yield directory
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.partition(".")[0] == "lazypack"]:
        del sys.modules[name]
        lazy_modules._unloaded_modules.pop(name, None)
        lazy_modules._untouched_names.discard(name)


@pytest.fixture
def slow(package):
    with import_lazily({"lazypack.slow"}):
        import lazypack
    return lazypack.slow


def test_first_attribute_executes_the_module(slow):
    inspect.getmodule(test_first_attribute_executes_the_module)
    assert (slow.__name__, slow.__spec__.name, sys.lazypack_executions) == ("lazypack.slow", "lazypack.slow", 0)
    assert (slow.VALUE, slow.other.NAME if hasattr(slow, "other") else "", sys.lazypack_executions) == (3, "", 1)
    assert type(slow) is types.ModuleType
    assert sys.modules["lazypack.slow"] is slow is sys.modules["lazypack"].slow
    assert type(slow.__loader__).__name__ == type(slow.__spec__.loader).__name__ == "SourceFileLoader"
    assert importlib.reload(slow) is slow


@pytest.mark.parametrize(
    "use", [lambda module: vars(module)["VALUE"], lambda _: importlib.import_module("lazypack.slow").VALUE,
            lambda _: __import__("lazypack.slow", fromlist=["VALUE"]).VALUE,
            lambda module: dir(module) and module.VALUE]
)  # fmt: skip
def test_any_use_executes_the_module(slow, use):
    assert use(slow) == 3


def test_set_attribute_survives(slow):
    slow.VALUE = 4
    assert (slow.VALUE, sys.lazypack_executions) == (4, 1)


def test_threads_execute_the_module_once(slow):
    barrier, values = threading.Barrier(8), []

    def read():
        barrier.wait()
        values.append(slow.VALUE)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (values, sys.lazypack_executions) == ([3] * 8, 1)


def test_failed_execution_is_repeated(slow, monkeypatch):
    monkeypatch.setattr(sys, "lazypack_fails", True, raising=False)
    with pytest.raises(OSError, match="no disk"):
        slow.VALUE  # noqa: B018
    assert (slow.VALUE, sys.modules["lazypack.slow"] is slow) == (3, True)


def test_other_threads_and_later_imports_are_usual(package):
    with import_lazily({"lazypack.slow"}, {"lazypack"}):
        with pytest.raises(ModuleNotFoundError, match="No module named 'lazypack'"):
            import lazypack
        thread = threading.Thread(target=importlib.import_module, args=("lazypack",))
        thread.start()
        thread.join(10)
    assert sys.lazypack_executions == 1
    import lazypack

    assert type(lazypack.slow) is types.ModuleType


def test_rebound_submodule_keeps_its_module(slow):
    sys.modules["lazypack"].other = slow
    assert slow.VALUE == 3
    assert sys.modules["lazypack"].other is slow
