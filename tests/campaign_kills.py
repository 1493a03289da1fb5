"""kill -9 at random moments of trainings and of their resumption, each to the bits of one that was left alone.

python -m tests.campaign_kills [KILLS] [SEED]
"""

import random
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from tests.conftest import DIGITS_YAML
from tests.helpers.kill_campaign import CASES, KillCampaign

if __name__ == "__main__":
    kill_count, seed = (int(word) for word in (*sys.argv[1:], *("200", "0")[len(sys.argv) - 1 :]))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "digits.yaml"
        config.write_text(DIGITS_YAML, encoding="utf-8")
        campaign = KillCampaign(Path(directory), str(config), random.Random(seed))
        campaign.train_undisturbed()
        for case in cycle(CASES):
            if campaign.kill_count >= kill_count:
                break
            campaign.kill_and_resume(case)
            print(
                f"\r{campaign.kill_count} kills, {campaign.finished_count} trainings",
                end="",
                file=sys.stderr,
                flush=True,
            )
    print(
        f"{campaign.kill_count} kills in {time.monotonic() - started:.0f} s, "
        f"{campaign.killed_before_run} before a run, "
        f"{campaign.resume_count} resumptions; {campaign.finished_count} trainings came to their "
        "end, all with the same bits"
    )
