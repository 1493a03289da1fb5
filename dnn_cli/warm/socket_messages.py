"""Messages between clients and the warm server: JSON objects of limited length, and file descriptors."""

import array
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

MAX_DESCRIPTORS = 250
"""Maximum number of file descriptors in a message. Linux accepts 253."""

_MAX_MESSAGE_BYTES = 16 << 20
"""Maximum length of a message. Linux limits arguments and environment of a process to 2 MB by default, and JSON needs
up to six characters for a byte."""

_LENGTH = struct.Struct("!I")
_DESCRIPTOR_BYTES = array.array("i").itemsize


class ConnectionLostError(Exception):
    """The other side closed the connection, or sent something else than a message."""


def send_message(connection: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a message with duplicates of file descriptors.

    Raises:
        OSError: the other side has closed the connection.
    """
    content = json.dumps(message).encode()
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    connection.sendmsg([_LENGTH.pack(len(content))], ancillary)
    connection.sendall(content)


def receive_message(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Wait for a message, and return the message with its file descriptors.

    Raises:
        ConnectionLostError: the connection is closed, or the message is too long or invalid.
        OSError: the connection is broken, or a time limit of the connection has passed.
    """
    header, ancillary, _, _ = connection.recvmsg(_LENGTH.size, socket.CMSG_SPACE(MAX_DESCRIPTORS * _DESCRIPTOR_BYTES))
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % _DESCRIPTOR_BYTES])
    header += _receive_bytes(connection, _LENGTH.size - len(header))
    (length,) = _LENGTH.unpack(header)
    if length > _MAX_MESSAGE_BYTES:
        raise ConnectionLostError
    try:
        message = json.loads(_receive_bytes(connection, length))
    except ValueError:
        raise ConnectionLostError from None
    if not isinstance(message, dict):
        raise ConnectionLostError
    return message, list(descriptors)


def _receive_bytes(connection: socket.socket, length: int) -> bytes:
    """Wait for a number of bytes, and return the bytes.

    Raises:
        ConnectionLostError: the connection is closed.
    """
    content = bytearray()
    while len(content) < length:
        part = connection.recv(min(length - len(content), 1 << 20))
        if not part:
            raise ConnectionLostError
        content += part
    return bytes(content)


def read_peer(connection: socket.socket) -> tuple[int, int]:
    """Read the process id and the effective user id of the process on the other side."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, user, _ = struct.unpack("3i", credentials)
    return pid, user


def write_log(text: str) -> None:
    """Write a line to the log of the server, which is the standard error of its processes."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {os.getpid()}  {text}\n")
    sys.stderr.flush()
