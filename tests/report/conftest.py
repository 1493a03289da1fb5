from tests.helpers.comparisons import trained  # noqa: F401
