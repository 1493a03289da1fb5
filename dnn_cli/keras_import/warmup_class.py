"""Class of a warm-up of the learning rate, as `dnn script` writes it, recognized by its code."""

import ast
import re
from collections.abc import Mapping
from typing import Any

_NUMBER = r"(\d+(?:\.\d+)?(?:e-?\d+)?)"
_WARMUP_CODE = re.compile(
    rf"""class \w+\([\w.]*LearningRateSchedule\):

    def __call__\(self, step\):
        step = keras\.ops\.convert_to_tensor\(step\)
        share = keras\.ops\.cast\(step, 'float32'\) / \d+
        factor = keras\.ops\.where\(step < (?P<steps>\d+), (?:(?P<start>{_NUMBER}) \+ {_NUMBER} \* )?share, 1\.0\)
        return (?:(?P<rate>{_NUMBER})|(?P<decay>\w+)\(keras\.ops\.maximum\(step - (?P=steps), 0\)\)) \* factor"""
)


def find_warmup_arguments(node: ast.ClassDef, scope: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of the schedule `Warmup` that a class of the program computes; `None` for another class.

    Args:
        node: The class.
        scope: The values of the variables of the program, such as the schedule after the warm-up.
    """
    match = _WARMUP_CODE.fullmatch(ast.unparse(node))
    if match is None or (match["decay"] and match["decay"] not in scope):
        return None
    rate = float(match["rate"]) if match["rate"] else scope[match["decay"]]
    arguments = {"learning_rate": rate, "warmup_steps": int(match["steps"])}
    return arguments | ({"start_factor": float(match["start"])} if match["start"] else {})
