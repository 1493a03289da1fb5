"""A few kills, of which `python -m tests.campaign_kills` makes hundreds; and many programs at once."""

import random
import time
from itertools import cycle, islice

from tests import forked
from tests.kills import CASES, Campaign


def test_a_training_that_is_killed_comes_to_the_bits_of_one_that_was_not(config, tmp_path):
    campaign = Campaign(tmp_path, config(), random.Random(4))
    campaign.begin()
    for case in islice(cycle(CASES), 12):
        campaign.kill(case)
        if campaign.finished >= len(CASES) and campaign.killed >= 3 and campaign.resumed >= 2:
            break
    assert campaign.killed >= 3
    assert campaign.resumed >= 2


def test_two_that_take_up_one_run(config, tmp_path):
    campaign = Campaign(tmp_path, config(), random.Random(0))
    long = forked.start(tmp_path, "train", campaign.config, "epochs=100000")
    while not campaign.store.entries():
        time.sleep(0.02)
    (entry,) = campaign.store.entries()
    refused = forked.start(tmp_path, "resume", entry.run.directory.name)
    refused.join()
    assert refused.exitcode == 1
    assert f"is being trained by process {long.pid} on " in (tmp_path / "log").read_text()
    long.kill()
    long.join()
    both = [forked.start(tmp_path, "resume", entry.run.directory.name, "epochs=300", "--force") for _ in range(2)]
    for process in both:
        process.join()
    assert entry.run.read_record().status == "completed"
    assert [row["epoch"] for row in entry.run.read_metrics()] == list(range(1, 301))


def test_programs_that_begin_in_one_moment_make_a_run_each(config, tmp_path):
    campaign = Campaign(tmp_path, config(), random.Random(0))
    processes = [forked.start(tmp_path, "train", campaign.config, f"seed={seed}", "epochs=1") for seed in range(6)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    entries = campaign.store.entries()
    assert len({entry.record.id for entry in entries}) == 6
    assert len({entry.record.results.weights for entry in entries}) == 6
    assert {entry.record.status for entry in entries} == {"completed"}
