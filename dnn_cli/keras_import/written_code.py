"""Classes and functions that `dnn script` writes, recognized by their code.

A warm-up of the learning rate, the loss of standardized targets, and the reading of images are keys of a config.
"""

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

_LOSS_CODE = """def standardized_loss(y_true, y_pred):
    y_true = (y_true - target_mean) / target_deviation
    y_pred = (y_pred - target_mean) / target_deviation
    return loss.call(y_true, y_pred)"""

_IMAGE_CODE = re.compile(
    r"""def \w+\(directory\):
    images, numbers = \(?\[\], \[\]\)?
    for path in sorted\(Path\(directory\)\.glob\('[*/.\w]+'\)\):
        image = Image\.open\(path\)(?:
        image\.draft\(None, \(\d+, \d+\)\))?
        image = ImageOps\.exif_transpose\(image\)\.convert\('(?P<mode>L|RGB)'\)(?:
        image = image\.resize\(\((?P<width>\d+), (?P<height>\d+)\), Image\.Resampling\.BILINEAR\))?
        images\.append\(np\.asarray\(image\)\)
        numbers\.append\(classes\.index\(path\.parent\.name\)\)
    return \(?np\.array\(images\), np\.array\(numbers\)\)?"""
)


def is_standardized_loss(node: ast.AST) -> bool:
    """Return whether a function of the program computes a loss on the scale of standardized targets."""
    return ast.unparse(node) == _LOSS_CODE


def find_image_keys(node: ast.AST) -> dict[str, Any] | None:
    """Return the keys of `data` that read images as a function of the program does; `None` for another function."""
    match = _IMAGE_CODE.fullmatch(ast.unparse(node)) if isinstance(node, ast.FunctionDef) else None
    if match is None:
        return None
    size = {"image_size": [int(match["height"]), int(match["width"])]} if match["width"] else {}
    return size | ({"color_mode": "grayscale"} if match["mode"] == "L" else {})


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
