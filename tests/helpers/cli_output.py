"""Readers of what `dnn` prints."""

import json
import subprocess
from typing import Any

import pytest


def parse_json_output(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Parse the JSON document that a command printed; NaN and infinity fail the test."""
    parsed = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert parsed["schema_version"] == 1
    return parsed
