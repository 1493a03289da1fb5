"""Lazy modules: listed modules that Python executes when one of their attributes is first used."""

import importlib
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# `importlib.util.LazyLoader` of Python 3.10 and 3.11 can execute a module twice if two threads use it at once.

_IMPORT_ATTRIBUTES = frozenset(
    {"__class__", "__name__", "__spec__", "__loader__", "__package__", "__file__", "__cached__"}
)
"""Attributes that the import system sets before it executes a module. Python reads them for every module at times."""

_unloaded_modules: dict[str, "_LazyModule"] = {}
"""Lazy modules that are not yet executed completely, by name."""

_untouched_names: set[str] = set()
"""Names of the lazy modules whose execution has not started."""

_state_lock = threading.Lock()
"""Lock of `_untouched_names` with the matching part of `sys.modules`. No import happens while a thread holds it."""


class _LazyModule(ModuleType):
    """A module before its execution. The first use of an attribute executes it, and makes it a plain module."""

    def __getattribute__(self, name: str) -> Any:
        # The import system reads `__path__` before the module is in `sys.modules`.
        if name not in _IMPORT_ATTRIBUTES and (name != "__path__" or sys.modules.get(self.__name__) is self):
            _load_module(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _IMPORT_ATTRIBUTES and name != "__path__":
            _load_module(self)
        ModuleType.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _load_module(self)
        ModuleType.__delattr__(self, name)


def _load_module(module: ModuleType) -> None:
    """Execute a lazy module, or wait for the thread that executes it.

    Python's own import executes the module, with the locks that every import has. Therefore, two threads never execute
    the module twice, and threads that wait for each other are detected.
    """
    name = module.__name__
    with _state_lock:
        if name in _untouched_names:
            _untouched_names.remove(name)
            sys.modules.pop(name, None)
    importlib.import_module(name)


class _LazyLoader(Loader):
    """Loader that creates a lazy module, and that executes it when it is imported again."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _unloaded_modules.get(spec.name) or _LazyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        if name not in _unloaded_modules:
            assert isinstance(module, _LazyModule)  # noqa: S101 - `create_module` has created it
            _unloaded_modules[name] = module
            _untouched_names.add(name)
            return
        assert module.__spec__ is not None  # noqa: S101 - the import system has set it
        module.__spec__.loader = module.__loader__ = self.loader
        with _keep_submodules(sys.modules.get(name.partition(".")[0], module)):
            self.loader.exec_module(module)
        module.__class__ = ModuleType
        del _unloaded_modules[name]


@contextmanager
def _keep_submodules(package: ModuleType) -> Iterator[None]:
    """Restore the attributes of a package that are modules, after the block.

    An import of `a.b.c` binds `a.b` to that package. If the program has bound another module to this name since, as
    TensorFlow binds `tensorflow.lite`, the later import would replace it.
    """
    modules = {name: value for name, value in package.__dict__.items() if isinstance(value, ModuleType)}
    yield
    package.__dict__.update(modules)


class _LazyFinder(MetaPathFinder):
    """Finder of lazy modules. It acts in the thread that has created it, and on modules that wait for execution."""

    def __init__(self, lazy_names: Collection[str], hidden_names: Collection[str]) -> None:
        self.lazy_names = lazy_names
        self.hidden_names = hidden_names
        self.thread: int | None = threading.get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        is_active = threading.get_ident() == self.thread
        if is_active and fullname in self.hidden_names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        if fullname not in _unloaded_modules and not (is_active and fullname in self.lazy_names):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _LazyLoader(spec.loader)
        return spec


@contextmanager
def import_lazily(lazy_names: Collection[str], hidden_names: Collection[str] = ()) -> Iterator[None]:
    """Import modules as lazy modules in this thread, within the block.

    Args:
        lazy_names: The names of modules that become lazy if they are imported within the block.
        hidden_names: The names of packages whose import fails within the block, as if they were not installed.
    """
    finder = _LazyFinder(lazy_names, hidden_names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        # The finder stays, because it executes the lazy modules later.
        finder.thread = None
