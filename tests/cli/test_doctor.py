import json
import os
from dataclasses import replace
from importlib.metadata import PackageNotFoundError

import pytest

from dnn_cli.doctor import cuda_check, machine, storage, tensorflow_check
from dnn_cli.doctor import program as program_section
from dnn_cli.doctor.tensorflow_check import find_missing_gpu_reason
from dnn_cli.export.export_formats import EXPORT_FORMATS
from dnn_cli.host.cuda_libraries import CUDA_LIBRARIES, GPU_EXTRA_COMMAND
from dnn_cli.runs.worker_logs import create_worker_log
from tests.helpers.cli_output import parse_json_output

QUICK_COMMAND = ["doctor", "--quick"]


def test_json_has_all_sections(dnn, make_run):
    make_run()
    answer = parse_json_output(dnn("doctor", "--json"))
    assert answer["usable"] is True
    assert answer["tensorflow"]["tensorflow"] == answer["program"]["packages"]["tensorflow"]
    assert answer["tensorflow"]["computes"] is True
    assert answer["tensorflow"]["seconds"] > 0
    assert answer["gpu"]["used"] or answer["gpu"]["why_none"]
    assert answer["machine"]["cores"] >= 1
    assert answer["runs"]["runs"] == {"completed": 1}
    assert answer["runs"]["free_bytes"] > 0
    assert answer["data"]["scikit-learn"] == ["digits", "iris", "wine", "breast_cancer", "diabetes"]
    assert set(answer["data"]) >= {"fashion_mnist", "mnist"}
    assert answer["terminal"]["terminal"] is False
    assert set(answer["program"]["extras"]) >= {"tensorboard", "mlflow", "optuna", "ray", "gpu"}


def test_a_page_has_all_sections_and_no_control_codes(dnn):
    done = dnn(*QUICK_COMMAND, XDG_CACHE_HOME=os.devnull + "/nowhere")
    sections = [line for line in done.stdout.splitlines() if line and not line.startswith((" ", "1 ", "2 "))]
    assert sections[:5] == ["program", "machine", "environment", "data", "caches"]
    assert "\x1b" not in done.stdout


REQUIREMENTS = [
    "annotated-types>=0.7", "keras<3.13,>=3.12.4; python_version < '3'", "keras<4,>=3.15; python_version >= '3'",
    "numpy>=2", "onnx>=1; extra == 'onnx'", "rich>=13.9", "tensorflow<3,>=2.21", "winreg-helper; os_name == 'nt'",
]  # fmt: skip


def test_packages_are_the_requirements_of_the_installed_program(monkeypatch):
    monkeypatch.setattr(program_section, "requires", lambda name: REQUIREMENTS)
    section = program_section.inspect_program()
    assert list(section.values["packages"]) == ["tensorflow", "keras", "numpy", "annotated-types", "rich"]
    assert section.texts["packages"].startswith(f"tensorflow {section.values['packages']['tensorflow']}  keras 3.")
    assert section.problems == ()


def test_missing_package_stops_training(monkeypatch):
    monkeypatch.setattr(program_section, "requires", lambda name: ["rich>=13.9", "no-such-package>=2"])
    section = program_section.inspect_program()
    (problem,) = section.problems
    assert (problem.message, problem.stops_training) == ("not installed: no-such-package", True)
    assert section.values["packages"]["no-such-package"] is None


def test_program_that_is_not_installed_has_no_list_of_packages(monkeypatch):
    def raise_not_found(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(program_section, "requires", raise_not_found)
    section = program_section.inspect_program()
    assert section.texts["packages"] == "unknown: dnn-cli is not installed in this environment"
    assert section.values["packages"] == {}
    assert section.problems == ()
    assert section.values["extras"]


def test_formats_can_share_an_extra(monkeypatch):
    small = replace(EXPORT_FORMATS["onnx"], name="small_onnx", modules=("onnxslim",))
    monkeypatch.setitem(EXPORT_FORMATS, "small_onnx", small)
    assert program_section.list_extras()["onnx"] == (
        ("onnx", "tf2onnx", "onnxruntime", "onnxslim"), "dnn export --format onnx or small_onnx",
    )  # fmt: skip


def test_broken_run_and_stale_schema_do_not_stop_training(dnn, make_run, tmp_path):
    make_run().record.write_text("{")
    (tmp_path / "schema.json").write_text("{}")
    done = dnn(*QUICK_COMMAND)
    assert done.returncode == 0
    assert " ! run 20260101-000000-digits-00000001 is broken: run.json is not JSON" in done.stdout
    assert "   dnn schema -o schema.json" in done.stdout


def test_unwritable_runs_directory_stops_training(dnn, tmp_path):
    (tmp_path / "file").write_text("")
    done = dnn(*QUICK_COMMAND, "--json", "--runs-dir", "file/runs")
    answer = parse_json_output(done)
    assert (done.returncode, answer["usable"]) == (1, False)
    assert [problem["problem"] for problem in answer["problems"] if problem["stops_training"]] == [
        f"runs cannot be created in file/runs: {tmp_path / 'file'} is not a directory"
    ]


def test_environment_secrets_are_hidden(dnn):
    secret = {"DNN_API_KEY": "hush1", "KERAS_X": "http://me:hush2@host", "AWS_SECRET": "hush3", "TF_VAR_x": "hush4"}
    output = dnn(*QUICK_COMMAND, "--json", CUDA_VISIBLE_DEVICES="0", **secret).stdout
    assert "hush" not in output
    assert json.loads(output)["environment"]["CUDA_VISIBLE_DEVICES"] == "0"


def test_another_backend_of_keras_stops_training(dnn):
    done = dnn(*QUICK_COMMAND, KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert "!! KERAS_BACKEND=jax, but dnn needs the backend tensorflow\n   unset KERAS_BACKEND" in done.stdout


@pytest.mark.parametrize(
    ("program_text", "message"),
    [
        pytest.param("import os; os.abort()", "signal 6 ended the process", id="killed by a signal"),
        pytest.param("raise ImportError('no libfoo')", "ImportError: no libfoo", id="import error"),
        pytest.param("print('hello')", "ended with exit code 0", id="no answer"),
    ],
)
def test_crashing_tensorflow_is_reported(monkeypatch, program_text, message):
    monkeypatch.setattr(tensorflow_check, "PROBE_CODE", program_text)
    section, gpus = tensorflow_check.inspect_tensorflow_and_gpus()
    (problem,) = section.problems
    assert message in problem.message
    assert problem.stops_training
    assert gpus.problems == ()


ANSWER = {"cuda_build": True}
DRIVER_GPUS = ["NVIDIA H100, 81559 MiB, 550.54"]


@pytest.mark.parametrize(
    ("answer", "log", "driver_gpus", "files", "card_counts", "visible_devices", "expected_reason"),
    [
        pytest.param(ANSWER, "", [], [], (0, 0), None, "this machine has no GPU", id="none"),
        pytest.param(ANSWER, "", [], [], (1, 0), None, "driver of the GPU is not installed", id="no driver"),
        pytest.param(ANSWER, "", [], [], (0, 1), None, "an AMD GPU", id="AMD"),
        pytest.param(ANSWER, "", DRIVER_GPUS, ["/dev/nvidia0"], (1, 0), "", "hides every GPU", id="hidden"),
        pytest.param(
            {"cuda_build": False}, "", DRIVER_GPUS, ["/dev/nvidia0"], (1, 0), None, "without CUDA", id="CPU wheel"
        ),
        pytest.param(
            ANSWER,
            "Cannot dlopen some GPU libraries",
            DRIVER_GPUS,
            ["/dev/nvidia0"],
            (1, 0),
            None,
            "CUDA's libraries are not installed",
            id="no libraries",
        ),
        pytest.param(ANSWER, "", [], ["/dev/nvidia0"], (1, 0), None, "driver does not respond", id="driver is silent"),
        pytest.param(
            ANSWER,
            "x] failed call to cuInit: CUDA_ERROR_NO_DEVICE",
            DRIVER_GPUS,
            ["/dev/nvidia0"],
            (1, 0),
            None,
            "failed call to cuInit",
            id="in its own words",
        ),
    ],
)
def test_reason_why_no_gpu_is_used(
    monkeypatch, answer, log, driver_gpus, files, card_counts, visible_devices, expected_reason
):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible_devices is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible_devices)
    reason, remedy = find_missing_gpu_reason(answer, log, driver_gpus, files, card_counts)
    assert expected_reason in reason
    assert bool(remedy) == (expected_reason != "this machine has no GPU")


TENSORFLOW_REQUIREMENTS = [
    "numpy>=2",
    "nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == 'and-cuda'",
    "nvidia-cudnn-cu12<10.0,>=9.3; extra == 'and-cuda'",
]
CUDNN_COMMAND = "pip install 'nvidia-cudnn-cu12<10.0,>=9.3'"


LOG = """\
I0] Could not load dynamic library 'libcuda.so.1'; dlerror: libcuda.so.1: cannot open shared object file: No such file
I0] Successfully opened dynamic library libcublas.so.12
I0] Could not load dynamic library 'libcusparse.so.12'; dlerror: libx.so.1: cannot open shared object file: No such file
I0] Could not load dynamic library 'libcudnn.so.9'; dlerror: /lib/libcudnn.so.9: file too short
W0] Cannot dlopen some GPU libraries. Please make sure the missing libraries mentioned above are installed properly
"""
"""Log of TensorFlow if a library needs another library that is missing, and if a library is damaged."""


@pytest.fixture
def inspect_gpus(cuda_machine, monkeypatch):
    """Return a function that inspects the GPUs of a machine on which TensorFlow has written a log."""

    def inspect(log="", gpus=(), driver_gpus=DRIVER_GPUS):
        answer = {"seconds": 1.0, "computes": True, "backend": "tensorflow", "cuda_build": True, "gpus": gpus}
        monkeypatch.setattr(tensorflow_check, "_query_tensorflow", lambda: (answer, log))
        monkeypatch.setattr(tensorflow_check, "query_nvidia_smi", lambda: (list(driver_gpus), None))
        monkeypatch.setattr(tensorflow_check, "count_display_cards", lambda vendor: 0)
        return tensorflow_check.inspect_tensorflow_and_gpus()[1]

    monkeypatch.setattr(cuda_check, "requires", lambda name: TENSORFLOW_REQUIREMENTS)
    return inspect


def test_missing_libraries_are_silent_without_a_gpu(inspect_gpus):
    section = inspect_gpus(driver_gpus=())
    assert (section.values["missing_cuda_files"], section.texts["missing_cuda_files"], section.problems) == ({}, "", ())


def test_all_missing_libraries_are_named_on_a_machine_with_a_gpu(inspect_gpus, cuda_machine):
    cuda_machine.add_gpus(1)
    section = inspect_gpus()
    names = [library.name for library in CUDA_LIBRARIES] + ["ptxas", "libdevice.10.bc"]
    assert list(section.values["missing_cuda_files"]) == names
    assert section.values["missing_cuda_files"]["libcublasLt.so.12"] == "nvidia-cublas-cu12<13.0,>=12.5.3.2"
    assert section.values["missing_cuda_files"]["libcufft.so.11"] == "nvidia-cufft-cu12"
    (problem,) = section.problems
    assert problem.message.startswith("TensorFlow needs libcudart.so.12, libcublas.so.12, libcublasLt.so.12, ")
    assert problem.message.endswith(" ptxas and libdevice.10.bc, which are missing")
    assert (problem.suggestion, problem.stops_training) == (GPU_EXTRA_COMMAND, False)
    assert section.values["why_none"] == problem.message


@pytest.mark.parametrize(
    ("missing", "log", "gpus", "message", "command"),
    [
        pytest.param((), "", ["H100"], None, None, id="nothing"),
        pytest.param(
            ("libcudnn.so.9",), "", (), "TensorFlow needs libcudnn.so.9, which is missing", CUDNN_COMMAND, id="one"
        ),
        pytest.param(("libcudnn.so.9",), "", ["H100"], None, None, id="TensorFlow has another path"),
        pytest.param(
            ("libdevice.10.bc", "ptxas"),
            "",
            ["H100"],
            "trainings on a GPU need ptxas and libdevice.10.bc, which are missing",
            "pip install 'nvidia-cuda-nvcc-cu12'",
            id="compiler",
        ),
        pytest.param(
            (),
            LOG,
            (),
            "TensorFlow needs libx.so.1 and libcudnn.so.9, which are missing",
            GPU_EXTRA_COMMAND,
            id="names of the log",
        ),
        pytest.param(
            (),
            "x] Could not load dynamic library 'libnccl.so.2'; dlerror: libnccl.so.2: cannot open shared object file",
            ["H100"],
            None,
            None,
            id="a library that TensorFlow does not need",
        ),
    ],
)
def test_missing_library_and_its_command(inspect_gpus, cuda_machine, missing, log, gpus, message, command):
    cuda_machine.add_gpus(1)
    cuda_machine.install_wheels(without=missing)
    expected = [] if message is None else [(message, command)]
    assert [(problem.message, problem.suggestion) for problem in inspect_gpus(log, gpus).problems] == expected


def test_hidden_gpus_and_missing_libraries_are_two_problems(inspect_gpus, cuda_machine, monkeypatch):
    cuda_machine.add_gpus(1)
    cuda_machine.install_wheels(without=("libcudnn.so.9",))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    hidden, missing = inspect_gpus().problems
    assert "hides every GPU" in hidden.message
    assert missing.message == "trainings on a GPU need libcudnn.so.9, which is missing"


def test_a_processor_without_avx_stops_training(monkeypatch):
    monkeypatch.setattr(machine, "find_cpuinfo_line", lambda *words: "flags : sse4_2")
    monkeypatch.setattr(machine.os, "uname", lambda: os.uname_result(("Linux", "x", "6", "v", "x86_64")))
    assert any(problem.stops_training and "AVX" in problem.message for problem in machine.inspect_machine().problems)


@pytest.mark.parametrize(
    ("is_available", "start", "end"),
    [(False, "none; not installed: optuna (", "; pip install -e '.[optuna]'"), (True, "optuna, ", "")],
    ids=["none", "all"],
)
def test_extras_are_listed(monkeypatch, is_available, start, end):
    monkeypatch.setattr(program_section, "_is_module_available", lambda module: is_available)
    text = program_section.inspect_program().texts["extras"]
    assert text.startswith(start) and text.endswith(end)
    assert ("not installed" in text) != is_available


@pytest.mark.parametrize(
    ("gpus", "end"),
    [(0, "mlflow"), (1, "mlflow; not installed: gpu (trainings on NVIDIA's GPUs); pip install -e '.[gpu]'")],
)
def test_gpu_extra_is_suggested_only_on_a_machine_with_a_gpu(cuda_machine, monkeypatch, gpus, end):
    cuda_machine.add_gpus(gpus)
    monkeypatch.setattr(program_section, "_is_module_available", lambda module: not module.startswith("nvidia."))
    section = program_section.inspect_program()
    assert section.texts["extras"].endswith(end)
    assert section.values["extras"]["gpu"] is False


def test_full_disk_and_missing_locks_are_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    monkeypatch.setattr(storage, "find_lock_error", lambda directory: "No locks available")
    problems = storage.inspect_runs(tmp_path / "runs").problems
    assert [(problem.message.split(" ", 2)[2][:12], problem.stops_training) for problem in problems] == [
        ("are free on ", True), (f"{tmp_path} cannot be locked"[:12], False),
    ]  # fmt: skip


def test_newest_worker_logs_are_named(tmp_path):
    assert storage.inspect_runs(tmp_path / "runs").texts["worker_logs"] == ""
    for number in range(5):
        log = create_worker_log(tmp_path / "runs", f"worker-{number}", "first")
        os.utime(log, (10**9 + number, 10**9 + number))
    section = storage.inspect_runs(tmp_path / "runs")
    assert [path[-12:] for path in section.values["worker_logs"]] == ["worker-4.log", "worker-3.log", "worker-2.log"]
    assert f"{os.getpid()}-worker-4.log, " in section.texts["worker_logs"]
