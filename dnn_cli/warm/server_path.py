"""Path of the warm server of this user. Every command that can use the server imports this module at its start."""

import os
from pathlib import Path

from dnn_cli.host.directories import get_cache_path
from dnn_cli.warm import SOCKET_NAME


def get_server_directory() -> Path:
    """Return the directory of the server, which may not exist."""
    return get_cache_path("warm")


def has_server_socket() -> bool:
    """Return whether a server has left a socket. The server may have ended."""
    return os.path.lexists(get_server_directory() / SOCKET_NAME)
