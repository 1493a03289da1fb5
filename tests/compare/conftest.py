from tests.compare.made import trained  # noqa: F401
