"""The root of the repository, and the switch that makes the suite try every case."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

RUN_ALL_CASES = "DNN_TEST_EVERYTHING" in os.environ
"""Whether tests try all cases instead of representative ones."""
