"""Failures of disk operations: the n-th creation, write, fsync, rename or mkdir raises an error."""

import errno
import io
import os
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)


class FaultInjector:
    """Counts disk operations below a directory, and lets one operation, or all from one on, fail."""

    def __init__(self, root, nth=0, error=errno.ENOSPC, *, lasting=False):
        self.root, self.nth, self.error, self.lasting = os.fspath(root), nth, error, lasting
        self.operations = []

    def check_operation(self, operation, path):
        self.operations.append((operation, os.fspath(path)))
        if len(self.operations) == self.nth or (self.lasting and 0 < self.nth <= len(self.operations)):
            raise OSError(self.error, os.strerror(self.error), os.fspath(path))

    def is_below_root(self, path):
        return isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(self.root)

    @contextmanager
    def inject_faults(self):
        """Inject the faults for the duration of the block."""
        original = {name: getattr(os, name) for name in ("open", "fsync", "replace", "rename", "mkdir")}
        plain_open = io.open

        def wrap_operation(name):
            def checked_operation(path, *arguments, **named):
                if self.is_below_root(path):
                    self.check_operation(name, path)
                return original[name](path, *arguments, **named)

            return checked_operation

        def os_open(path, flags, *arguments, **named):
            if flags & os.O_CREAT and self.is_below_root(path):
                self.check_operation("create", path)
            return original["open"](path, flags, *arguments, **named)

        def fsync(descriptor):
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if self.is_below_root(path):
                self.check_operation("fsync", path)
            return original["fsync"](descriptor)

        def python_open(file, mode="r", *arguments, **named):
            stream = plain_open(file, mode, *arguments, **named)
            return FaultyStream(stream, self, file) if set(mode) & set("wax+") and self.is_below_root(file) else stream

        with ExitStack() as stack:
            for name in ("replace", "rename", "mkdir"):
                stack.enter_context(patch.object(os, name, wrap_operation(name)))
            stack.enter_context(patch.object(os, "open", os_open))
            stack.enter_context(patch.object(os, "fsync", fsync))
            stack.enter_context(patch.object(io, "open", python_open))
            stack.enter_context(patch("builtins.open", python_open))
            yield self


class FaultyStream:
    """An open file whose writes are counted and may fail."""

    def __init__(self, stream, injector, path):
        self.stream, self.injector, self.path = stream, injector, path

    def write(self, content):
        self.injector.check_operation("write", self.path)
        return self.stream.write(content)

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def __iter__(self):
        return iter(self.stream)
