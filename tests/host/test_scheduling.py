"""Cores of a process and the policy of its threads."""

import os
import subprocess
import sys
import threading

from dnn_cli.host.scheduling import set_process_cores, use_batch_policy


def test_all_threads_of_a_process_get_the_cores():
    code = "import sys, threading; threading.Thread(target=sys.stdin.read).start(); print(flush=True)"
    core = max(os.sched_getaffinity(0))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        set_process_cores(process.pid, [core])
        threads = list(map(int, os.listdir(f"/proc/{process.pid}/task")))
        assert len(threads) == 2
        assert [os.sched_getaffinity(thread) for thread in threads] == [{core}] * 2
        process.communicate()


def test_ended_process_and_missing_core_are_ignored():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    set_process_cores(process.pid, [0])
    before = os.sched_getaffinity(0)
    set_process_cores(os.getpid(), [1000])
    assert os.sched_getaffinity(0) == before


def test_threads_get_the_batch_policy():
    policies = []

    def read_policies():
        use_batch_policy()
        later = threading.Thread(target=lambda: policies.append(os.sched_getscheduler(0)))
        later.start()
        later.join()
        policies.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=read_policies)
    thread.start()
    thread.join()
    assert policies == [os.SCHED_BATCH] * 2
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
