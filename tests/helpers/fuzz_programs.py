"""Random and damaged saved models, scripts and notebooks, and the check of what an import does with them."""

import copy
import io
import json
import re
import signal
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import h5py

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.registry import canonicalize_names
from dnn_cli.config.yaml_reader import parse_yaml
from dnn_cli.errors import DnnError
from dnn_cli.keras_import.config_building import build_imported_experiment
from dnn_cli.keras_import.config_text import build_config_text
from dnn_cli.keras_import.import_notes import list_notes
from dnn_cli.keras_import.program_file import read_program

SECONDS = 5
"""Processor time after which an input has failed."""

DOCUMENT = {
    "class_name": "Sequential", "config": {"name": "net", "build_input_shape": [None, 8, 8], "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 8, 8], "dtype": "float32"}},
        {"class_name": "Flatten", "config": {"name": "flatten", "data_format": "channels_last"}},
        {"class_name": "Dense", "config": {"name": "dense_3", "units": 30, "activation": "relu", "dtype":
            {"class_name": "DTypePolicy", "config": {"name": "float32"}},
            "kernel_initializer": {"class_name": "HeNormal", "config": {"seed": None}}, "kernel_regularizer": None}},
        {"class_name": "Bidirectional", "config": {"layer": {"class_name": "LSTM", "config": {"units": 3}}}},
        {"class_name": "dnn>Residual", "config": {"residual": [{"class_name": "Dropout", "config": {"rate": 0.5}}]}},
        {"class_name": "Dense", "config": {"units": 10, "activation": "softmax"}},
    ]},
    "compile_config": {
        "optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.009999999776482582}},
        "loss": {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": False}},
        "metrics": ["accuracy", {"class_name": "AUC", "config": {"curve": "ROC"}}], "loss_weights": None,
    },
}  # fmt: skip

SCRIPT = """\
from functools import partial
from tensorflow import keras
from keras import layers
(x, y), _ = keras.datasets.mnist.load_data()
x_valid, x = x[:5000], x[5000:]
n, sizes = 30, [3 * 10, 2 ** 4]
Hidden = partial(layers.Dense, activation="relu")
def build(sizes, extra=None, **options):
    model = keras.Sequential([layers.Flatten(input_shape=(28, 28))], name=f"net_{len(sizes)}")
    for i, size in enumerate(sizes):
        model.add(Hidden(size if i else n, name="hidden" + str(i), **options))
    if extra is not None and not False:
        model.add(extra)
    return model
model = build(sizes, layers.Dropout(rate=0.5), use_bias=True)
model.add(layers.Dense(10, "softmax"))
rate = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=20, decay_rate=.5)
model.compile(keras.optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=[3, 5][-1], batch_size=8, callbacks=[keras.callbacks.EarlyStopping(patience=2)])
"""

BOMBS = [
    "x = 'a' * 10 ** 9", "x = [0] * 10 ** 9", "x = 10 ** 10 ** 10", "x = f'{1:>999999999}'",
    "x = list(range(10 ** 15))",
    "f = lambda: f() + f()\nf()", "def f(n): return [f(n), f(n)]\nf(1)", "x = []\nx.append(x)\nmodel.add(x)",
    "x = [1]\nfor _ in range(60): x = [x, x]\nmodel.add(x)", "x = [1]\nfor _ in range(60): x = [x, x]\ny = x == x",
    "x = 'a'\nfor _ in range(60): x += x", "for i in range(9999):\n  for j in range(9999):\n    x = i",
    "x = [1]\nx.extend(x)",
    "x = str([[1] * 5000] * 5000)", "while True: pass", "x = " + "(" * 150 + ")" * 150, "x = " + "-" * 3000 + "1",
    "x = 1" + " + 1" * 5000, "x = a" + ".a" * 3000, "x = " + "[" * 80 + "]" * 80, "x = '%999999999d' % 1", "1 / 0",
    "import os; os.system('false')", "__import__('os')", "open('evil', 'w')", "exec('1/0')", "raise SystemExit",
    "return",
    "break", "continue", "yield", "await x", "global model", "del model", "model = None", "model.layers = 3", "x: int",
    "class A: pass\nmodel.add(A())", "match 1:\n  case 1: pass", "async def f(): pass", "print(model", "\x00", "\ud800",
    "model.add(model)", "model.add(keras.Input((3,)))", "model = keras.Model(1, 2)", "layers.Dense(3)(layers.Dense(4))",
    "model.compile(**{'loss': 'mse'})", "model.fit(*[1] * 50)", "[model.add(layers.Dense(k)) for k in (3, 4)]",
    "keras.datasets.mnist.load_data", "layers = None", "keras = 3", "for model in []: pass", "x, *y = 1, 2, 3",
    "x = *y,",
]  # fmt: skip
"""Statements that a run would not survive, or that are unusual."""

VALUES = [
    None, True, False, 0, -1, 1, 3, 10**15, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"), "", "relu", "Dense",
    "x" * 5000, "a/b", "\x1b[31m", "\ud800", "\u202e", "dnn>Residual", "Custom>X", "Sequential", "Lambda", [],
    [None], {},
    [[[]]], {"class_name": "Dense"}, {"class_name": "Dense", "config": 3}, {"class_name": 3, "config": {}},
    {"class_name": "Dense", "config": {"units": {}}}, {"class_name": "__tuple__", "items": [1, 2]},
    {"class_name": "Lambda", "config": {"function": ["4wEAAAA"]}},
    {"module": "os", "class_name": "system", "config": {}},
]  # fmt: skip


def generate_program(number: int) -> tuple[str, bytes]:
    """Return the name and the content of a file that the number determines."""
    random = Random(number)
    kind = random.choice(["json", "json", "keras", "h5", "py", "py", "py", "ipynb"])
    if kind in ("py", "ipynb"):
        text = mutate_script(random)
        lines = text.splitlines(keepends=True)
        at = random.randrange(len(lines) + 1)
        cells = [{"cell_type": "code", "source": part} for part in (lines[:at], "".join(lines[at:]))]
        text = json.dumps({"cells": cells}) if kind == "ipynb" else text
        return f"program.{kind}", text.encode("utf-8", "surrogatepass")
    content = json.dumps(mutate_document(random)).encode()
    if kind == "keras":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            archive.writestr("config.json", content)
        content = stream.getvalue()
    if kind == "h5":
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            file.attrs["model_config"] = content
            file.attrs["training_config"] = random.choice([content, "{}", "3"])
        content = stream.getvalue()
    return f"model.{kind}", content if random.random() < 0.5 else mutate_bytes(random, content)


def mutate_bytes(random: Random, content: bytes) -> bytes:
    """Replace, drop, double or insert bytes, or cut the end."""
    raw = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 20])):
        start = random.randrange(len(raw) + 1)
        at = slice(start, start + random.choice([0, 1, 1, 8, 100]))
        raw[at] = random.choice([b"", random.randbytes(1), random.randbytes(8), raw[at] * 2])
    return bytes(raw[: random.randrange(len(raw) + 1)] if random.random() < 0.2 else raw)


def mutate_document(random: Random) -> Any:
    """Replace, remove or move values of a saved model."""
    tree = {"root": json.loads(json.dumps(DOCUMENT))}
    for _ in range(random.choice([0, 1, 1, 2, 5])):
        holders = [holder for holder in list_holders(tree) if holder]
        holder, other = random.choice(holders), random.choice(holders)
        key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        other_key = random.choice(list(other) if isinstance(other, dict) else range(len(other)))
        copied = json.loads(json.dumps(other[other_key]))
        # A copy, because later changes would change the list of values.
        holder[key] = copy.deepcopy(random.choice([random.choice(VALUES), random.choice(VALUES), copied]))
    return tree["root"]


def list_holders(value: Any) -> list[Any]:
    """List the lists and mappings within a value."""
    if not isinstance(value, dict | list):
        return []
    return [value, *(holder for inner in (value.values() if isinstance(value, dict) else value)
                     for holder in list_holders(inner))]  # fmt: skip


def mutate_script(random: Random) -> str:
    """Drop, double, swap or indent lines of a script, exchange its words, or insert an unusual statement."""
    lines = SCRIPT.splitlines()
    words = re.findall(r"\w+|[^\w\s]", SCRIPT)
    for _ in range(random.choice([0, 1, 1, 2, 5])):
        at, other = random.choices(range(len(lines)), k=2)
        word = random.choice([random.choice(words), random.choice(["None", "[]", "lambda: 0", "10 ** 9", "-1", "x"])])
        changed = re.sub(re.escape(random.choice(words)), lambda _, word=word: word, lines[at], count=1)
        indent = re.match(" *", lines[at])[0]
        bomb = "\n".join(indent + line for line in random.choice(BOMBS).split("\n"))
        lines[at] = random.choice(["", lines[other], f"{lines[at]}\n{lines[other]}", f" {lines[at]}", changed, changed,
                                   f"{lines[at]}\n{bomb}", bomb])  # fmt: skip
    return "\n".join(lines) + "\n"


def try_program(name: str, content: bytes, directory: Path) -> tuple[bool, str]:
    """Import a file, and return whether it is accepted, and what is wrong; an empty text if nothing is wrong."""
    path = directory / name
    path.write_bytes(content)
    signal.signal(signal.SIGVTALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        imported = build_imported_experiment(read_program(str(path)))
        text = build_config_text(imported, str(path), str(directory / "new.yaml"))
        value = canonicalize_names(parse_yaml(text, "").value)
        again = Experiment.model_validate({"name": "imported", **value})
        if again.model_copy(update={"data": imported.experiment.data}) != imported.experiment:
            return True, f"the config describes another experiment: {text}"
        return True, "\n".join(line for line in list_notes(imported) if not line)
    except DnnError as error:
        lines = [str(issue) for issue in getattr(error, "issues", ())] or [error.message, error.suggestion]
        wrong = "" if error.exit_code == 2 and all(lines) else f"exit code {error.exit_code}: {lines}"
        return False, wrong
    except BaseException as error:
        return False, f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
