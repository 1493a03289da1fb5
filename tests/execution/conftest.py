"""What the tests of `execute` share with those of training."""

from tests.training.conftest import trained  # noqa: F401 - a fixture
