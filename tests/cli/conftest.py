from tests.cli.trained_runs import place, spoiled  # noqa: F401
