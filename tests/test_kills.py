"""A few kills, and several programs at once; `python -m tests.stress kills` and `concurrency` try hundreds."""

import random
import time
from itertools import cycle, islice

from tests.helpers import forked_cli
from tests.helpers.kill_campaign import CASES, KillCampaign


def test_killed_training_resumes_bit_identically(config, tmp_path):
    campaign = KillCampaign(tmp_path, config(), random.Random(4))
    campaign.train_undisturbed()
    for case in islice(cycle(CASES), 12):
        campaign.kill_and_resume(case)
        if campaign.finished_count >= len(CASES) and campaign.kill_count >= 3 and campaign.resume_count >= 2:
            break
    assert campaign.kill_count >= 3
    assert campaign.resume_count >= 2


def test_concurrent_resumes_of_one_run(config, tmp_path):
    campaign = KillCampaign(tmp_path, config(), random.Random(0))
    long = forked_cli.start_command(tmp_path, "train", campaign.config, "epochs=100000")
    while not campaign.store.list_runs():
        time.sleep(0.02)
    (run_info,) = campaign.store.list_runs()
    refused = forked_cli.start_command(tmp_path, "resume", run_info.run.directory.name)
    refused.join()
    assert refused.exitcode == 1
    assert f"is being trained by process {long.pid} on " in (tmp_path / "log").read_text()
    long.kill()
    long.join()
    both = [
        forked_cli.start_command(tmp_path, "resume", run_info.run.directory.name, "epochs=300", "--force")
        for _ in range(2)
    ]
    for process in both:
        process.join()
    assert run_info.run.read_record().status == "completed"
    assert [row["epoch"] for row in run_info.run.read_metrics()] == list(range(1, 301))


def test_simultaneous_trainings_create_separate_runs(config, tmp_path):
    campaign = KillCampaign(tmp_path, config(), random.Random(0))
    processes = [
        forked_cli.start_command(tmp_path, "train", campaign.config, f"seed={seed}", "epochs=1") for seed in range(6)
    ]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    runs = campaign.store.list_runs()
    assert len({run_info.record.id for run_info in runs}) == 6
    assert len({run_info.record.results.weights for run_info in runs}) == 6
    assert {run_info.record.status for run_info in runs} == {"completed"}
