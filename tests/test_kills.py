"""A kill, and several programs at once; `python -m tests.stress kills` and `concurrency` try hundreds."""

import os
import random
import signal
import time

from tests.helpers import forked_cli
from tests.helpers.kill_campaign import KillCampaign, assert_same_run

QUICK = [
    "layers=[Flatten, BatchNormalization, {type: Dropout, rate: 0.2}, {type: Dense, units: 10, activation: softmax}]",
    "engine=keras", "batch_size=479", "diagnostics=false",
]  # fmt: skip

EPOCHS = "epochs=15"


def wait_until(condition, process):
    """Wait until a condition is true, while a process runs."""
    while not condition():
        assert process.is_alive()
        time.sleep(0.05)


def test_killed_training_resumes_bit_identically(config, tmp_path):
    """Two trainings start together; one is stopped, refuses to be resumed, is killed, and is resumed twice at once."""
    campaign = KillCampaign(tmp_path, config(), random.Random(0))
    arguments = [*campaign.build_arguments("noisy"), *QUICK, EPOCHS]
    undisturbed, process = (forked_cli.start_command(tmp_path, *arguments) for _ in range(2))
    wait_until(lambda: find_run(campaign, process), process)
    run = find_run(campaign, process)
    wait_until(lambda: len(run.read_metrics()) >= 2, process)
    os.kill(process.pid, signal.SIGSTOP)
    assert run.read_record().status == "running"
    resume = ["resume", run.directory.name]
    refused = forked_cli.start_command(tmp_path, *resume)
    refused.join()
    assert refused.exitcode == 1
    assert f"is being trained by process {process.pid} on " in (tmp_path / "log").read_text()
    process.kill()
    undisturbed.join()
    process.join()
    assert (undisturbed.exitcode, process.exitcode) == (0, -signal.SIGKILL)
    (complete_run,) = {run_info.run for run_info in campaign.store.list_runs()} - {run}
    assert complete_run.read_record().id != run.read_record().id
    campaign.undisturbed_runs["noisy"] = complete_run
    campaign.undisturbed_contents = campaign.read_contents()
    assert 2 <= run.read_record().epochs < complete_run.read_record().epochs
    both = [forked_cli.start_command(tmp_path, *resume) for _ in range(2)]
    for process in both:
        process.join()
    assert 0 in {process.exitcode for process in both} <= {0, 1, 2}
    campaign.check_runs(run)
    assert_same_run(complete_run, run)


def find_run(campaign, process):
    """Return the run that a process trains, or `None`."""
    records = [(run_info.record, run_info.run) for run_info in campaign.store.list_runs()]
    return next((run for record, run in records if record and record.process.pid == process.pid), None)
