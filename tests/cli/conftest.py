from tests.helpers.trained_runs import spoiled, workspace  # noqa: F401
