"""The warm server: a process that has imported TensorFlow, and from which commands are forked.

The server imports third-party packages and no module of `dnn_cli`, so that every command runs the present code. The
modules of this package therefore import each other relatively: the server imports the package under another name.

A command that finds the server becomes a client. The client hands its state to the server. The server forks a
supervisor, and the supervisor forks the process that runs the command. The supervisor passes signals from the client
to the command, and the end of the command to the client.
"""

SOCKET_NAME = "socket"
"""Name of the socket in the directory of the server."""

START_NOTES: list[str] = []
"""Lines for `-v` about the use of a warm server by this process."""
