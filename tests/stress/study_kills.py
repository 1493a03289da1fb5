"""Kill a study at random moments and start it again.

Its document must be that of an unbroken study.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.helpers import forked_cli
from tests.helpers.study_kill_campaign import StudyKillCampaign

_KILLS_OF_A_STUDY = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("studies", type=int, nargs="?", default=3, help="number of killed studies (default: 3)")
    parser.add_argument("seed", type=int, nargs="?", default=0, help="seed of the moments (default: 0)")


def run(options: argparse.Namespace) -> int:
    """Kill each study at three moments, and complete the study; a wrong result raises."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        campaign = StudyKillCampaign(directory, random.Random(options.seed))
        forked_cli.run_command(directory, "--version")  # the first command starts the server, which takes seconds
        campaign.train_unbroken()
        for number in range(options.studies):
            campaign.kill_and_complete(_KILLS_OF_A_STUDY, f"killed-{number}")
            print(f"\r{number + 1} studies, {campaign.kill_count} kills", end="", file=sys.stderr, flush=True)
    print(
        f"{options.studies} studies, {campaign.kill_count} kills in {time.monotonic() - started:.0f} s; an unbroken "
        f"study takes {campaign.seconds:.0f} s; all documents are equal"
    )
    return 0
