"""Checks of TensorFlow and Keras in a separate process, and the reason why no GPU is used."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dnn_cli
from dnn_cli.doctor.cuda_check import (
    LIBRARY_FAILURE,
    MissingCudaFile,
    find_missing_cuda_files,
    format_missing_files,
    suggest_install,
)
from dnn_cli.doctor.machine import AMD_VENDOR, NVIDIA_VENDOR, count_display_cards, query_nvidia_smi
from dnn_cli.doctor.sections import Problem, Section
from dnn_cli.host.cuda_libraries import GPU_EXTRA_COMMAND
from dnn_cli.host.gpus import list_device_files

_TENSORFLOW_TIMEOUT = 120.0
"""Timeout for the start of TensorFlow, in seconds. A start from a slow disk takes long."""

PROBE_CODE = "import sys; sys.path[:1] = []; from dnn_cli.doctor.tensorflow_probe import main; main()"
"""Python code of the process that inspects TensorFlow. The code removes the working directory from `sys.path`, because
files there may shadow modules."""

_UNUSED_INSTRUCTIONS = re.compile(r"enable the following instructions: ([A-Z0-9_ ]+), in other operations")


def _query_tensorflow() -> tuple[dict[str, Any], str]:
    """Inspect TensorFlow in a separate process, and return its answer and its log.

    The answer is the dictionary that `tensorflow_probe` prints, and the log is standard error. If the process fails,
    the answer contains only the reason, under the key `error`.
    """
    paths = [str(Path(dnn_cli.__file__).parent.parent), *filter(None, sys.path)]
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "0",
        # TensorFlow names the libraries that it cannot load only at this level.
        "TF_CPP_VMODULE": "dso_loader=1",
        "PYTHONPATH": os.pathsep.join(paths),
    }
    try:
        process = subprocess.run(
            [sys.executable, "-c", PROBE_CODE], env=environment, capture_output=True, text=True, errors="replace",
            timeout=_TENSORFLOW_TIMEOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": f"the import takes more than {_TENSORFLOW_TIMEOUT:.0f} s"}, ""
    except OSError as error:
        return {"error": f"{sys.executable} cannot be started: {error.strerror}"}, ""
    if process.returncode < 0:
        return {"error": f"signal {-process.returncode} ended the process"}, process.stderr
    lines = (process.stdout.strip().splitlines() or [""])[-1:] if not process.returncode else []
    try:
        answer: dict[str, Any] = json.loads(lines[0])
    except (IndexError, ValueError):
        log_lines = [line for line in process.stderr.strip().splitlines() if line.strip()]
        return {
            "error": log_lines[-1][:300] if log_lines else f"the process ended with exit code {process.returncode}"
        }, process.stderr
    return answer, process.stderr


def inspect_tensorflow_and_gpus() -> tuple[Section, Section]:
    """Return the sections of the report about TensorFlow with Keras, and about GPUs."""
    answer, log = _query_tensorflow()
    problems = []
    if "error" in answer:
        problems.append(
            Problem(
                f"TensorFlow does not start: {answer['error']}",
                "in this environment, run pip install --force-reinstall tensorflow keras",
                stops_training=True,
            )
        )
    elif not answer["computes"]:
        problems.append(
            Problem(
                "TensorFlow computes wrong results",
                "install another version of TensorFlow, or use another machine",
                stops_training=True,
            )
        )
    elif answer["backend"] != "tensorflow":
        problems.append(
            Problem(
                f"the backend of Keras is {answer['backend']}, but dnn needs tensorflow",
                'unset KERAS_BACKEND, and write "backend": "tensorflow" in ~/.keras/keras.json',
                stops_training=True,
            )
        )
    unused = _UNUSED_INSTRUCTIONS.search(log)
    values = {**answer, "not_used_everywhere": unused[1].split() if unused else []}
    values.pop("gpus", None)
    texts = {
        "seconds": f"{answer['seconds']:.1f} s to import TensorFlow and Keras" if "seconds" in answer else "",
        "not_used_everywhere": f"{unused[1]} (only XLA and oneDNN use these instructions)" if unused else "",
        "cuda_build": ""
        if "error" in answer
        else "with CUDA"
        if answer["cuda_build"]
        else "without CUDA: only for CPUs",
        "cuda_version": answer.get("cuda_version") or "",
        "cudnn_version": answer.get("cudnn_version") or "",
        "computes": "",
    }
    return Section("tensorflow", values, tuple(problems), texts), _inspect_gpus(answer, log)


def _inspect_gpus(answer: dict[str, Any], log: str) -> Section:
    """Return the section of the report about the GPUs of the machine and the GPUs that TensorFlow uses.

    Args:
        answer: The answer of the process that inspected TensorFlow.
        log: The log of this process.
    """
    driver_gpus, driver_error = query_nvidia_smi()
    files = list_device_files()
    card_counts = count_display_cards(NVIDIA_VENDOR), count_display_cards(AMD_VENDOR)
    used = answer.get("gpus", [])
    has_driver = bool(files or driver_gpus)
    missing = find_missing_cuda_files(log, is_gpu_used=bool(used)) if has_driver and answer.get("cuda_build") else []
    values = {
        "used": used,
        "driver": driver_gpus,
        "driver_trouble": driver_error,
        "device_files": files,
        "nvidia_cards": card_counts[0],
        "amd_cards": card_counts[1],
        "missing_cuda_files": {file.name: file.requirement for file in missing},
        "why_none": None,
    }
    reason, remedy = (
        ("", "")
        if used or "error" in answer
        else find_missing_gpu_reason(answer, log, driver_gpus, files, card_counts, missing)
    )
    values["why_none"] = reason or None
    problems = [Problem(reason, remedy)] if remedy else []
    is_reason = any(file.name in reason for file in missing)
    if missing and not is_reason:
        problems.append(Problem(f"trainings on a GPU need {format_missing_files(missing)}", suggest_install(missing)))
    texts = {
        "used": ", ".join(used) or f"none: {reason}" if reason or used else "unknown",
        "driver": "; ".join(driver_gpus),
        "driver_trouble": "" if not (card_counts[0] or files) else driver_error or "",
        "device_files": " ".join(files),
        "nvidia_cards": str(card_counts[0] or ""),
        "amd_cards": str(card_counts[1] or ""),
        "missing_cuda_files": "" if is_reason else ", ".join(file.name for file in missing),
        "why_none": "",
    }
    return Section("gpu", values, tuple(problems), texts)


def find_missing_gpu_reason(
    answer: dict[str, Any],
    log: str,
    driver_gpus: list[str],
    files: list[str],
    card_counts: tuple[int, int],
    missing: Sequence[MissingCudaFile] = (),
) -> tuple[str, str]:
    """Return the reason why TensorFlow uses no GPU, and a suggestion.

    The suggestion is empty for a machine without a GPU.

    Args:
        answer: The answer of the process that inspected TensorFlow.
        log: The log of this process.
        driver_gpus: The GPUs that nvidia-smi lists.
        files: The device files of NVIDIA's GPUs.
        card_counts: The numbers of NVIDIA's and of AMD's graphics processors.
        missing: The files of CUDA that are missing.
    """
    nvidia, amd = card_counts
    if not (driver_gpus or files or nvidia):
        if amd:
            return (
                "the GPU is an AMD GPU, which TensorFlow's own packages do not support",
                "install AMD's tensorflow-rocm, or train on the CPU",
            )
        return "this machine has no GPU", ""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES='{hidden}' hides every GPU", "unset CUDA_VISIBLE_DEVICES"
    if not files:
        return (
            "the driver of the GPU is not installed",
            "install NVIDIA's driver; start a container with --gpus all",
        )
    if not answer["cuda_build"]:
        return "this TensorFlow is built without CUDA", GPU_EXTRA_COMMAND
    if any(file.prevents_gpus for file in missing):
        return f"TensorFlow needs {format_missing_files(missing)}", suggest_install(missing)
    if LIBRARY_FAILURE in log:
        return "CUDA's libraries are not installed", GPU_EXTRA_COMMAND
    if not driver_gpus:
        return (
            "NVIDIA's driver does not respond",
            "run nvidia-smi for the reason; after an update of the driver, restart the machine",
        )
    reasons = [
        line.split("] ", 1)[-1] for line in log.splitlines() if "cuda" in line.lower() and "failed" in line.lower()
    ]
    return (
        reasons[0][:200] if reasons else "TensorFlow does not find the GPU",
        "check the version of the driver with nvidia-smi",
    )
