"""Directory with the socket of the warm server, which only its user can open.

The path of a socket has at most 107 bytes. The functions therefore name the directory by its descriptor.
"""

import os
import socket
import stat

from . import SOCKET_NAME
from .socket_messages import read_peer

_QUEUE_LENGTH = 64
"""Number of clients that can wait for the server to accept their connections."""


class UnsafeServerError(Exception):
    """The directory or the server belongs to another user, or the directory is open to other users."""


def open_directory(path: str) -> int:
    """Open the directory of the server, and return its descriptor.

    Raises:
        OSError: the directory is missing.
        UnsafeServerError: the directory belongs to another user, or is open to other users.
    """
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(directory)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        os.close(directory)
        raise UnsafeServerError(f"{path} belongs to another user, or is open to other users")
    return directory


def connect_to_server(path: str) -> socket.socket:
    """Connect to the server whose socket is in a directory.

    Raises:
        OSError: no server answers.
        UnsafeServerError: the directory or the server belongs to another user, or the directory is open to others.
    """
    directory = open_directory(path)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(_format_socket_path(directory))
        if read_peer(connection)[1] != os.geteuid():
            raise UnsafeServerError(f"the server in {path} belongs to another user")
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(directory)
    return connection


def open_server_socket(directory: int) -> socket.socket:
    """Create the socket in an open directory, and return it ready for connections.

    Raises:
        OSError: the socket cannot be created.
    """
    remove_socket(directory)
    server_socket = socket.socket(socket.AF_UNIX)
    server_socket.bind(_format_socket_path(directory))
    server_socket.listen(_QUEUE_LENGTH)
    return server_socket


def remove_socket(directory: int) -> None:
    """Remove the socket of an earlier server, if there is one."""
    try:
        os.unlink(SOCKET_NAME, dir_fd=directory)
    except FileNotFoundError:
        return


def _format_socket_path(directory: int) -> str:
    """Format the path of the socket in an open directory."""
    return f"/proc/self/fd/{directory}/{SOCKET_NAME}"
