"""The n-th thing that a program asks of the disk fails: files made, bytes written, fsync, rename, mkdir."""

import errno
import io
import os
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)


class Faults:
    """Counts what is asked below a directory, and lets one thing, or all from one on, fail."""

    def __init__(self, root, nth=0, error=errno.ENOSPC, *, lasting=False):
        self.root, self.nth, self.error, self.lasting = os.fspath(root), nth, error, lasting
        self.asked = []

    def ask(self, what, path):
        self.asked.append((what, os.fspath(path)))
        if len(self.asked) == self.nth or (self.lasting and 0 < self.nth <= len(self.asked)):
            raise OSError(self.error, os.strerror(self.error), os.fspath(path))

    def is_ours(self, path):
        return isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(self.root)

    @contextmanager
    def injected(self):
        """As long as the block lasts."""
        plain = {name: getattr(os, name) for name in ("open", "fsync", "replace", "rename", "mkdir")}
        plain_open = io.open

        def asking(name):
            def function(path, *arguments, **named):
                if self.is_ours(path):
                    self.ask(name, path)
                return plain[name](path, *arguments, **named)

            return function

        def os_open(path, flags, *arguments, **named):
            if flags & os.O_CREAT and self.is_ours(path):
                self.ask("create", path)
            return plain["open"](path, flags, *arguments, **named)

        def fsync(descriptor):
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if self.is_ours(path):
                self.ask("fsync", path)
            return plain["fsync"](descriptor)

        def python_open(file, mode="r", *arguments, **named):
            stream = plain_open(file, mode, *arguments, **named)
            return Stream(stream, self, file) if set(mode) & set("wax+") and self.is_ours(file) else stream

        with ExitStack() as stack:
            for name in ("replace", "rename", "mkdir"):
                stack.enter_context(patch.object(os, name, asking(name)))
            stack.enter_context(patch.object(os, "open", os_open))
            stack.enter_context(patch.object(os, "fsync", fsync))
            stack.enter_context(patch.object(io, "open", python_open))
            stack.enter_context(patch("builtins.open", python_open))
            yield self


class Stream:
    """An open file whose writes are asked for."""

    def __init__(self, stream, faults, path):
        self.stream, self.faults, self.path = stream, faults, path

    def write(self, content):
        self.faults.ask("write", self.path)
        return self.stream.write(content)

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def __iter__(self):
        return iter(self.stream)
