import pytest

from dnn_cli.runs.store import Store
from dnn_cli.training import threads


@pytest.fixture
def environment(monkeypatch):
    """The environment without a number of threads, in a process that has not computed yet."""
    for name in (threads.INTRA, threads.INTER):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(threads, "schedulable_cores", lambda: 8)
    threads.threads.cache_clear()
    yield monkeypatch
    threads.threads.cache_clear()


@pytest.mark.parametrize(("cores", "given", "used"), [(8, None, 8), (3, None, 3), (3, "5", 5), (8, "0", 8)])
def test_threads_follow_the_quota_unless_the_user_sets_them(environment, cores, given, used):
    environment.setattr(threads, "available_cores", lambda: cores)
    if given is not None:
        environment.setenv(threads.INTRA, given)
    threads.limit_threads()
    assert threads.threads() == used


def test_resumption_keeps_the_threads_of_the_run_until_tensorflow_computes(environment):
    environment.setattr(threads, "available_cores", lambda: 8)
    threads.keep_threads(2)
    assert threads.threads() == 2
    threads.keep_threads(4)
    assert threads.os.environ[threads.INTRA] == "2"


def test_a_resumed_run_computes_with_as_many_threads_as_before(dnn, config, tmp_path):
    assert dnn("train", config(), "epochs=1", TF_NUM_INTRAOP_THREADS="3").returncode == 0
    assert dnn("resume", "@1", "epochs=2").returncode == 0
    (entry,) = Store(tmp_path / "runs").entries()
    assert entry.record.platform["threads"] == 3
    done = dnn("resume", "@1", "epochs=3", TF_NUM_INTRAOP_THREADS="1")
    assert "trained with 3 threads before and 1 from here: the last digits may differ" in done.stderr
