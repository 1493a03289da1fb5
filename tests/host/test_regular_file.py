"""Reading of small files: only regular files, and only up to a size."""

import os

import pytest

from dnn_cli.host.regular_file import FileTooLargeError, NotRegularFileError, read_regular_file


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_files_up_to_the_limit_are_read(tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert read_regular_file(path, 100) == b"x" * size


def test_larger_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 101)
    with pytest.raises(FileTooLargeError, match="larger than 100 bytes"):
        read_regular_file(path, 100)


def test_file_without_a_size_is_read_up_to_the_limit():
    """The kernel reports a size of 0 for files in /proc."""
    assert os.stat("/proc/self/status").st_size == 0
    assert read_regular_file("/proc/self/status", 100_000).startswith(b"Name:")
    with pytest.raises(FileTooLargeError):
        read_regular_file("/proc/self/status", 100)


def test_pipe_and_directory_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(NotRegularFileError):
            read_regular_file(path, 100)


def test_link_is_followed_only_on_request(tmp_path):
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    assert read_regular_file(tmp_path / "link", 100) == b"text"
    with pytest.raises(OSError, match="symbolic link"):
        read_regular_file(tmp_path / "link", 100, follow_link=False)
