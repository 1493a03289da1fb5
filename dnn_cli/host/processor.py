"""The processor, as Linux describes it."""

import re
from pathlib import Path

from dnn_cli.host.limits import available_cores

NOISE = re.compile(r"\((?:R|TM|r|tm)\)|\b(?:CPU|Processor|\d+-Core)\b|@.*$")
"""Parts of a model's name that tell no two processors apart."""


def cpu_line(*beginnings: str) -> str:
    """Return the first line of /proc/cpuinfo that begins so; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(beginnings)), "")


def cpu_value(name: str) -> str:
    """Return a value of /proc/cpuinfo; empty where there is none."""
    return next((line.partition(":")[2].strip() for line in [cpu_line(f"{name}\t", f"{name} ")] if line), "")


def processor_text() -> str:
    """Return the cores and the processor that a speed was measured on: 2 cores of AMD EPYC (family 25, model 1).

    A virtual machine often hides the model's number from its name; family and model tell it.
    """
    cores = available_cores()
    name = " ".join(NOISE.sub(" ", cpu_value("model name")).split())
    if name and not any(letter.isdigit() for letter in name) and cpu_value("cpu family"):
        name += f" (family {cpu_value('cpu family')}, model {cpu_value('model')})"
    return f"{cores} core{'s' * (cores > 1)} of {name or 'an unknown processor'}"
