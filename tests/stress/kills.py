"""Kill trainings and resumed trainings at random moments.

Every training that reaches its end must have the bits of an undisturbed training.
"""

import argparse
import random
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from tests.helpers.digits import DIGITS_YAML
from tests.helpers.kill_campaign import CASES, KillCampaign


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("kills", type=int, nargs="?", default=200, help="number of kills (default: 200)")
    parser.add_argument("seed", type=int, nargs="?", default=0, help="seed of the moments (default: 0)")


def run(options: argparse.Namespace) -> int:
    """Kill and resume until the number of kills is reached; a wrong result raises."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "digits.yaml"
        config.write_text(DIGITS_YAML, encoding="utf-8")
        campaign = KillCampaign(Path(directory), str(config), random.Random(options.seed))
        campaign.run_to_end("--version")  # the first command starts the server, which takes seconds
        for case in CASES:
            campaign.train_undisturbed(case)
        for case in cycle(CASES):
            if campaign.kill_count >= options.kills:
                break
            campaign.kill_and_resume(case)
            progress = f"\r{campaign.kill_count} kills, {campaign.finished_count} trainings"
            print(progress, end="", file=sys.stderr, flush=True)
    print(
        f"{campaign.kill_count} kills in {time.monotonic() - started:.0f} s, "
        f"{campaign.killed_before_run} before a run, "
        f"{campaign.resume_count} resumptions; {campaign.finished_count} trainings completed with the same bits"
    )
    return 0
