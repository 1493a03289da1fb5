"""A kill, and several programs at once; `python -m tests.stress kills` and `concurrency` try hundreds."""

import random
import time

from tests.helpers import forked_cli
from tests.helpers.kill_campaign import KillCampaign, assert_same_run

QUICK = [
    "layers=[Flatten, BatchNormalization, {type: Dropout, rate: 0.2}, {type: Dense, units: 10, activation: softmax}]",
    "engine=keras", "batch_size=479", "diagnostics=false",
]  # fmt: skip

EPOCHS = "epochs=10"
"""Override with enough epochs that a kill after two epochs comes before the end."""


def wait_until(condition, process):
    """Wait until a condition is true, while a process runs."""
    while not condition():
        assert process.is_alive()
        time.sleep(0.05)


def test_killed_training_resumes_bit_identically(config, tmp_path):
    campaign = KillCampaign(tmp_path, config(), random.Random(0))
    campaign.train_undisturbed("noisy", *QUICK, EPOCHS)
    undisturbed = campaign.undisturbed_runs["noisy"]
    arguments = [*campaign.build_arguments("noisy"), *QUICK, EPOCHS]
    process = forked_cli.start_command(tmp_path, *arguments)
    wait_until(lambda: has_epochs(campaign, undisturbed, 2), process)
    process.kill()
    process.join()
    (run,) = {run_info.run for run_info in campaign.store.list_runs()} - {undisturbed}
    campaign.check_runs(run)
    assert 2 <= run.read_record().epochs < undisturbed.read_record().epochs
    campaign.run_to_end("resume", run.directory.name)
    assert_same_run(undisturbed, run)


def has_epochs(campaign, undisturbed, epochs):
    """Return whether the run that is not the undisturbed one has a number of epochs."""
    runs = [run_info.run for run_info in campaign.store.list_runs() if run_info.run != undisturbed]
    return any(len(run.read_metrics()) >= epochs for run in runs)


def test_concurrent_resumes_of_one_run(config, tmp_path):
    campaign = KillCampaign(tmp_path, config(), random.Random(0))
    long = forked_cli.start_command(tmp_path, "train", campaign.config, *QUICK, "epochs=100000")
    wait_until(campaign.store.list_runs, long)
    (run_info,) = campaign.store.list_runs()
    refused = forked_cli.start_command(tmp_path, "resume", run_info.run.directory.name)
    refused.join()
    assert refused.exitcode == 1
    assert f"is being trained by process {long.pid} on " in (tmp_path / "log").read_text()
    long.kill()
    long.join()
    epochs = len(run_info.run.read_metrics()) + 8
    both = [
        forked_cli.start_command(tmp_path, "resume", run_info.run.directory.name, f"epochs={epochs}", "--force")
        for _ in range(2)
    ]
    for process in both:
        process.join()
    assert run_info.run.read_record().status == "completed"
    assert [row["epoch"] for row in run_info.run.read_metrics()] == list(range(1, epochs + 1))


def test_simultaneous_trainings_create_separate_runs(config, tmp_path):
    campaign = KillCampaign(tmp_path, config(), random.Random(0))
    processes = [
        forked_cli.start_command(tmp_path, "train", campaign.config, *QUICK, f"seed={seed}", "epochs=1")
        for seed in range(2)
    ]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 2
    runs = campaign.store.list_runs()
    assert len({run_info.record.id for run_info in runs}) == 2
    assert len({run_info.record.results.weights for run_info in runs}) == 2
    assert {run_info.record.status for run_info in runs} == {"completed"}
