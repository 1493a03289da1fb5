"""TensorFlow and Keras, asked in a process of their own; and why no GPU is used."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import dnn_cli
from dnn_cli.doctor.findings import Problem, Section
from dnn_cli.doctor.machine import AMD, NVIDIA, cards, device_files, nvidia_smi

PATIENCE = 120.0
"""Seconds that TensorFlow has to start, on the slowest of disks."""

PROGRAM = "import sys; sys.path[:1] = []; from dnn_cli.training.probe import main; main()"
"""Without the working directory, in which files may be called like modules."""

NOT_USED = re.compile(r"enable the following instructions: ([A-Z0-9_ ]+), in other operations")


def ask_tensorflow() -> tuple[dict[str, Any], str]:
    """What it says of itself, and its own log; under `error`, why it says nothing."""
    paths = [str(Path(dnn_cli.__file__).parent.parent), *filter(None, sys.path)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, errors="replace",
            timeout=PATIENCE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": f"it has not started within {PATIENCE:.0f} s"}, ""
    except OSError as error:
        return {"error": f"{sys.executable} cannot be started: {error.strerror}"}, ""
    if done.returncode < 0:
        return {"error": f"it dies of signal {-done.returncode} as it starts"}, done.stderr
    lines = (done.stdout.strip().splitlines() or [""])[-1:] if not done.returncode else []
    try:
        found: dict[str, Any] = json.loads(lines[0])
    except (IndexError, ValueError):
        told = [line for line in done.stderr.strip().splitlines() if line.strip()]
        return {"error": told[-1][:300] if told else f"it ends with {done.returncode}"}, done.stderr
    return found, done.stderr


def look_at_tensorflow() -> tuple[Section, Section]:
    """TensorFlow with Keras, and the GPUs."""
    said, log = ask_tensorflow()
    problems = []
    if "error" in said:
        problems.append(
            Problem(
                f"TensorFlow does not start: {said['error']}",
                "pip install --force-reinstall tensorflow keras in this environment",
                stops=True,
            )
        )
    elif not said["computes"]:
        problems.append(
            Problem("TensorFlow computes wrong numbers", "another machine, or another wheel of it", stops=True)
        )
    elif said["backend"] != "tensorflow":
        problems.append(
            Problem(
                f"Keras runs on {said['backend']}",
                'unset KERAS_BACKEND, and "backend": "tensorflow" in ~/.keras/keras.json',
                stops=True,
            )
        )
    unused = NOT_USED.search(log)
    facts = {**said, "not_used_everywhere": unused[1].split() if unused else []}
    facts.pop("gpus", None)
    texts = {
        "seconds": f"{said['seconds']:.1f} s to import both" if "seconds" in said else "",
        "not_used_everywhere": f"{unused[1]} (its fast paths, XLA and oneDNN, use them)" if unused else "",
        "cuda_build": "" if "error" in said else "with CUDA" if said["cuda_build"] else "for CPUs alone",
        "cuda_version": said.get("cuda_version") or "",
        "cudnn_version": said.get("cudnn_version") or "",
        "computes": "",
    }
    return Section("tensorflow", facts, tuple(problems), texts), look_at_gpus(said, log)


def look_at_gpus(said: dict[str, Any], log: str) -> Section:
    """The GPUs that there are, those that TensorFlow uses, and why it does not use the others."""
    known, silence = nvidia_smi()
    files = device_files()
    plugged = cards(NVIDIA), cards(AMD)
    used = said.get("gpus", [])
    facts = {
        "used": used, "driver": known, "driver_trouble": silence, "device_files": files, "nvidia_cards": plugged[0],
        "amd_cards": plugged[1], "why_none": None,
    }  # fmt: skip
    why, remedy = ("", "") if used or "error" in said else why_none(said, log, known, files, plugged)
    facts["why_none"] = why or None
    texts = {
        "used": ", ".join(used) or f"none: {why}" if why or used else "not known",
        "driver": "; ".join(known),
        "driver_trouble": "" if not (plugged[0] or files) else silence or "",
        "device_files": " ".join(files),
        "nvidia_cards": str(plugged[0] or ""),
        "amd_cards": str(plugged[1] or ""),
        "why_none": "",
    }
    return Section("gpu", facts, (Problem(why, remedy),) if remedy else (), texts)


def why_none(
    said: dict[str, Any], log: str, known: list[str], files: list[str], plugged: tuple[int, int]
) -> tuple[str, str]:
    """Why TensorFlow uses no GPU, and what to do about it; nothing where there is none."""
    nvidia, amd = plugged
    if not (known or files or nvidia):
        if amd:
            return "there is an AMD GPU, which TensorFlow's own wheels cannot use", "AMD's tensorflow-rocm, or the CPU"
        return "there is no GPU in this machine", ""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES='{hidden}' hides every GPU", "unset CUDA_VISIBLE_DEVICES"
    if not files:
        return (
            "there is a GPU, and no driver for it",
            "install NVIDIA's driver; in a container, start it with --gpus all",
        )
    if not said["cuda_build"]:
        return "this TensorFlow is built without CUDA", "pip install 'tensorflow[and-cuda]'"
    if "Cannot dlopen some GPU libraries" in log:
        return "CUDA's libraries are not installed", "pip install 'tensorflow[and-cuda]'"
    if not known:
        return "NVIDIA's driver does not answer", "nvidia-smi says why; a driver that was updated needs a restart"
    reasons = [
        line.split("] ", 1)[-1] for line in log.splitlines() if "cuda" in line.lower() and "failed" in line.lower()
    ]
    return (reasons[0][:200] if reasons else "TensorFlow does not see the GPU", "nvidia-smi, and the driver's version")
