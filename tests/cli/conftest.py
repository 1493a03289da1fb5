from tests.cli.trained_runs import place  # noqa: F401
