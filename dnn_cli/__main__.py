"""Entry point of `python -m dnn_cli`, which is the same as `dnn`."""

from dnn_cli.cli.app import main

if __name__ == "__main__":
    main()
