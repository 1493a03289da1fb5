"""The program itself: its Python, its packages, and the extras that are not there."""

import importlib.util
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import dnn_cli
from dnn_cli.doctor.findings import Problem, Section

PACKAGES = (
    "tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pydantic", "typer", "rich", "pyyaml",
    "pooch", "pillow", "requests", "lark", "altair", "vl-convert-python", "jinja2", "markupsafe",
)  # fmt: skip


class Extra(NamedTuple):
    """Something that can be installed besides."""

    modules: tuple[str, ...]
    purpose: str


EXTRAS = {
    "optuna": Extra(("optuna",), "dnn sweep --search bayesian"),
    "ray": Extra(("ray",), "dnn sweep --on ray"),
    "tensorboard": Extra(("tensorboard",), "dnn train --tensorboard"),
    "onnx": Extra(("onnx", "tf2onnx", "onnxruntime"), "dnn export --format onnx"),
    "litert": Extra(("ai_edge_litert",), "dnn export --format litert"),
    "mlflow": Extra(("mlflow", "sqlalchemy", "alembic"), "dnn export-runs --mlflow"),
}


def look_at_program() -> Section:
    """Versions and places; what is not installed is no problem, unless nothing goes without it."""
    packages = {name: installed(name) for name in PACKAGES}
    missing = [name for name, found in packages.items() if found is None]
    extras = {name: all(map(is_there, extra.modules)) for name, extra in EXTRAS.items()}
    problems = [
        Problem(f"{', '.join(missing)} cannot be found", "pip install -e . in the clone of dnn", stops=True)
    ] if missing else []  # fmt: skip
    in_venv = sys.prefix != sys.base_prefix
    facts = {
        "dnn": dnn_cli.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "location": str(Path(dnn_cli.__file__).parent),
        "virtual_environment": sys.prefix if in_venv else None,
        "packages": packages,
        "extras": extras,
    }
    told = "  ".join(f"{name} {found}" for name, found in packages.items() if found)
    there = [name for name, found in extras.items() if found]
    absent = [f"{name} ({EXTRAS[name].purpose})" for name, found in extras.items() if not found]
    more = f"; pip install -e '.[{next(name for name, found in extras.items() if not found)}]'" if absent else ""
    texts = {
        "packages": told,
        "extras": ", ".join(there) + (f"; not installed: {', '.join(absent)}{more}" if absent else ""),
    }
    return Section("program", facts, tuple(problems), texts)


def installed(name: str) -> str | None:
    """The version of a package; `None` where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def is_there(module: str) -> bool:
    """Whether a module could be imported."""
    return importlib.util.find_spec(module) is not None


PREFIXES = (
    "TF_CPP_", "TF_XLA_", "TF_ENABLE_", "TF_NUM_", "TF_DETERMINISTIC_", "TF_FORCE_", "TF_USE_", "TF_GPU_", "KERAS_",
    "XLA_", "CUDA_", "DNN_", "OMP_", "MKL_", "OPENBLAS_", "NVIDIA_", "ROCR_", "HIP_",
)  # fmt: skip
NAMES = ("NO_COLOR", "TERM", "COLORTERM", "COLUMNS", "LANG", "LC_ALL", "XDG_CACHE_HOME", "RAY_ADDRESS")
SECRET = ("KEY", "TOKEN", "SECRET", "PASS", "CRED", "AUTH")


def look_at_environment() -> Section:
    """Environment variables that steer what is trained and shown; no others are looked at, and no secrets told."""
    facts = {
        name: "…" if "@" in value else value
        for name, value in sorted(os.environ.items())
        if (name.startswith(PREFIXES) or name in NAMES) and not any(word in name for word in SECRET)
    }
    problems = []
    if (backend := facts.get("KERAS_BACKEND", "tensorflow")) != "tensorflow":
        problems.append(
            Problem(f"KERAS_BACKEND={backend}, and dnn trains on TensorFlow", "unset KERAS_BACKEND", stops=True)
        )
    if "TF_USE_LEGACY_KERAS" in facts and facts["TF_USE_LEGACY_KERAS"] not in ("", "0", "false"):
        problems.append(Problem("TF_USE_LEGACY_KERAS asks for another Keras", "unset TF_USE_LEGACY_KERAS"))
    return Section("environment", facts, tuple(problems), literal=True)
