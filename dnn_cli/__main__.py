"""`python -m dnn_cli` is `dnn`."""

from dnn_cli.cli.app import main

if __name__ == "__main__":
    main()
