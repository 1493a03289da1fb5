"""Fixtures that the tests of `execution` share with those of `training`."""

from tests.training.conftest import trained  # noqa: F401 - a fixture
