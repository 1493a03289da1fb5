import pytest

from dnn_cli.runs.store import Store
from dnn_cli.training import tensorflow_startup


@pytest.fixture
def environment(monkeypatch):
    """The environment without a number of threads, in a process that has not computed yet."""
    for name in (tensorflow_startup.INTRA_OP_VARIABLE, tensorflow_startup.INTER_OP_VARIABLE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(tensorflow_startup, "count_schedulable_cores", lambda: 8)
    tensorflow_startup.get_thread_count.cache_clear()
    yield monkeypatch
    tensorflow_startup.get_thread_count.cache_clear()


@pytest.mark.parametrize(("cores", "user_setting", "used"), [(8, None, 8), (3, None, 3), (3, "5", 5), (8, "0", 8)])
def test_threads_follow_the_quota_unless_the_user_sets_them(environment, cores, user_setting, used):
    environment.setattr(tensorflow_startup, "count_available_cores", lambda: cores)
    if user_setting is not None:
        environment.setenv(tensorflow_startup.INTRA_OP_VARIABLE, user_setting)
    tensorflow_startup.limit_threads()
    assert tensorflow_startup.get_thread_count() == used


def test_thread_count_is_restored_before_first_computation(environment):
    environment.setattr(tensorflow_startup, "count_available_cores", lambda: 8)
    tensorflow_startup.restore_thread_count(2)
    assert tensorflow_startup.get_thread_count() == 2
    tensorflow_startup.restore_thread_count(4)
    assert tensorflow_startup.os.environ[tensorflow_startup.INTRA_OP_VARIABLE] == "2"


def test_resumed_run_uses_its_thread_count(dnn, config, tmp_path):
    settings = ["data.dataset=iris", "layers=[{type: Dense, units: 3, activation: softmax}]", "epochs=1",
                "engine=keras", "metrics=[]", "optimizer=sgd", "diagnostics=false"]  # fmt: skip
    assert dnn("train", config(), *settings, TF_NUM_INTRAOP_THREADS="3").returncode == 0
    assert dnn("resume", "@1", "epochs=2").returncode == 0
    (run_info,) = Store(tmp_path / "runs").list_runs()
    assert run_info.record.platform["threads"] == 3
    done = dnn("resume", "@1", "epochs=3", TF_NUM_INTRAOP_THREADS="1")
    assert "the number of threads changes from 3 to 1: the last digits of results may differ" in done.stderr


@pytest.mark.parametrize(("gpus", "visible", "calls"), [(0, "0", 0), (1, "0", 1), (1, "", 0)])
def test_solver_is_loaded_if_a_gpu_is_visible(monkeypatch, cuda_machine, gpus, visible, calls):
    loaded = []
    for name in ("redirect_libraries", "limit_threads", "set_up_working_directory", "import_training_modules"):
        monkeypatch.setattr(tensorflow_startup, name, lambda: None)
    monkeypatch.setattr(tensorflow_startup, "load_solver_library", lambda: loaded.append("libcusolver"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    cuda_machine.add_gpus(gpus)
    tensorflow_startup.import_tensorflow()
    assert len(loaded) == calls
