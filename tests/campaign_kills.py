"""kill -9 at random moments of trainings and of their resumption, each to the bits of one that was left alone.

python -m tests.campaign_kills [KILLS] [SEED]
"""

import random
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from tests.conftest import DIGITS
from tests.kills import CASES, Campaign

if __name__ == "__main__":
    wanted, seed = (int(word) for word in (*sys.argv[1:], *("200", "0")[len(sys.argv) - 1 :]))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "digits.yaml"
        config.write_text(DIGITS, encoding="utf-8")
        campaign = Campaign(Path(folder), str(config), random.Random(seed))
        campaign.begin()
        for case in cycle(CASES):
            if campaign.killed >= wanted:
                break
            campaign.kill(case)
            print(f"\r{campaign.killed} kills, {campaign.finished} trainings", end="", file=sys.stderr, flush=True)
    print(
        f"{campaign.killed} kills in {time.monotonic() - begun:.0f} s, {campaign.before_the_run} before a run, "
        f"{campaign.resumed} resumptions; {campaign.finished} trainings came to their end, all with the same bits"
    )
