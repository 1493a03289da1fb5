import sys
from pathlib import Path

from tests.helpers.script_runner import run_script

if __name__ == "__main__":
    sys.exit(run_script("tests.stress", Path(__file__).parent, sys.argv[1:]))
