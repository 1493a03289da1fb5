"""Scripts load, split, scale and encode the data as the engine does, bit for bit."""

import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.data.examples import load_examples, load_test_examples, split_examples
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.data.preprocessing import compute_preprocessing
from dnn_cli.errors import UsageError
from tests.helpers.image_files import encode_jpeg, encode_png, write_images
from tests.helpers.scripts import run_data_part, write_program

BUILT_IN = {
    "digits": [],
    "flat": ["data.flatten=true", "data.test_size=0.1", "layers=[{type: Dense, units: 10, activation: softmax}]"],
    "all examples": ["data.validation_size=0"],
    "shares of classes": ["data.stratify=true", "data.validation_size=100"],
    "standardized": ["data.standardize=true", "data.test_size=0.1", "data.stratify=true"],
    "standardized and not split": ["data.standardize=true", "data.validation_size=0"],
    "fold": ["data.folds=3", "data.fold=2", "data.test_size=0.2"],
    "fold by class": ["data.folds=4", "data.fold=4", "data.stratify=true", "data.standardize=true"],
    "half": ["data.reporting_half=true", "data.validation_size=0.3"],
    "one-hot": ["loss=categorical_crossentropy", "data.folds=3", "data.fold=1"],
    "binary": ["data={dataset: breast_cancer, standardize: true}", "loss=binary_crossentropy",
               "layers=[{type: Dense, units: 1, activation: sigmoid}]"],
    "regression": ["data={dataset: diabetes, test_size: 40, reporting_half: true}", "loss=mse", "metrics=[]",
                   "layers=[{type: Dense, units: 1}]"],
}  # fmt: skip


def check_equal_sets(experiment):
    """Check that a script has the arrays of the engine before the training."""
    arrays = run_data_part(write_program(experiment))
    data = experiment.data
    examples = load_examples(data)
    split = split_examples(data, examples)
    preprocessing = compute_preprocessing(experiment, examples, split)
    sets = {"train": examples[split.train], "valid": examples[split.validation]}
    if data.test_examples:
        sets["test"] = load_test_examples(data)
    for name, part in sets.items():
        if not len(part):
            assert f"X_{name}" not in arrays
            continue
        pipeline = Pipeline(part, experiment, preprocessing)
        rows = pipeline.gather_rows(tf.range(len(part)))
        for letter, tensor in zip("Xyw", pipeline.prepare_batch(*rows, pipeline.scaling), strict=False):
            written = arrays[f"{letter}_{name}"]
            assert written.dtype == tensor.numpy().dtype
            assert np.array_equal(written, tensor.numpy()), f"{letter}_{name}"


@pytest.mark.parametrize("overrides", BUILT_IN.values(), ids=BUILT_IN)
def test_built_in_data_has_the_bits_of_the_engine(overrides, experiment):
    check_equal_sets(experiment(*overrides))


RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 4, 5), np.uint8)
ARRAYS = {
    "images": {"x_train": IMAGES, "y_train": np.arange(30) % 3, "x_test": IMAGES[:9], "y_test": np.arange(9) % 3},
    "texts": {"X": IMAGES / 7, "y": np.array(["b", "a", "c"] * 10)},
    "one-hot, validation": {"x_train": IMAGES, "y_train": np.eye(3)[np.arange(30) % 3], "x_val": IMAGES[:6],
                            "y_val": np.eye(3)[np.arange(6) % 3]},
    "other numbers": {"x": IMAGES, "y": np.array([[3], [7], [9]] * 10), "x_test": IMAGES[:3],
                      "y_test": np.array([[9], [3], [7]])},
    "regression": {"x": IMAGES, "y": RNG.normal(size=(30, 2))},
}  # fmt: skip


@pytest.mark.parametrize("arrays", ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_the_user_have_the_bits_of_the_engine(arrays, experiment, tmp_path):
    np.savez(tmp_path / "data.npz", **arrays)
    targets = next(array for name, array in arrays.items() if name.startswith("y"))
    is_regression = targets.dtype.kind == "f" and targets.shape[1] == 2
    units = "{type: Dense, units: 2}" if is_regression else "{type: Dense, units: 3, activation: softmax}"
    loss = ["loss=mse", "metrics=[]"] if is_regression else []
    check_equal_sets(experiment(f"data={{dataset: npz, path: '{tmp_path / 'data.npz'}'}}", f"layers=[Flatten, {units}]",
                                *loss))  # fmt: skip


HEADER = "width,height,weight,kind"
KINDS = ("red", "blue", '"sky, grey"')
ROWS = [f"{width / 7:.4f},{width % 5},{1 + width % 2},{KINDS[width % 3]}" for width in range(40)]
TABLES = {
    "text": ("\n".join([HEADER, *ROWS]), ["weight: weight"]),
    "numbers": ("\n".join(["a,b,y", *(f"{n / 3},{n},{n % 3}" for n in range(40))]), []),
    "semicolons": ("\n".join(["y;a;b", *(f"{4 + n % 3};{n / 3};{n}" for n in range(40))]), ["target: y"]),
}


@pytest.mark.parametrize(("text", "keys"), TABLES.values(), ids=TABLES)
def test_tables_of_the_user_have_the_bits_of_the_engine(text, keys, experiment, tmp_path):
    (tmp_path / "data.csv").write_text(text, encoding="utf-8")
    data = ", ".join(["dataset: csv", f"path: '{tmp_path / 'data.csv'}'", "test_size: 0.2", *keys])
    check_equal_sets(experiment(f"data={{{data}}}", "layers=[{type: Dense, units: 3, activation: softmax}]"))


def test_table_that_numpy_reads_differently_is_refused(experiment, tmp_path):
    rows = [f"{n},{('no', 'yes')[n % 2]},{n % 3}" for n in range(40)]
    (tmp_path / "data.csv").write_text("\n".join(["a,b,y", *rows]), encoding="utf-8")
    data = f"data={{dataset: csv, path: '{tmp_path / 'data.csv'}'}}"
    with pytest.raises(UsageError, match=r"numpy\.loadtxt reads other numbers than dnn"):
        write_program(experiment(data, "layers=[{type: Dense, units: 3, activation: softmax}]"))


PICTURES = {f"{kind}/{n}.png": encode_png(RNG.integers(0, 256, (5, 6, 3), np.uint8)) for kind in "ab" for n in range(8)}
PHOTOS = {f"{kind}/{n}.jpg": encode_jpeg(40 + n, 30) for kind in "ab" for n in range(8)}
SHAPES = {"pictures": (PICTURES, ""), "photographs": (PHOTOS, ", image_size: [8, 6], color_mode: grayscale")}


@pytest.mark.parametrize(("images", "keys"), SHAPES.values(), ids=SHAPES)
def test_images_of_the_user_have_the_bits_of_the_engine(images, keys, experiment, tmp_path):
    write_images(tmp_path / "photos", images)
    data = f"data={{dataset: image_folder, path: '{tmp_path / 'photos'}'{keys}}}"
    check_equal_sets(experiment(data, "layers=[Flatten, {type: Dense, units: 2, activation: softmax}]"))


def test_images_that_a_script_would_convert_differently_are_refused(experiment, tmp_path):
    transparent = encode_png(RNG.integers(0, 256, (5, 6, 4), np.uint8))
    write_images(tmp_path / "photos", {**PICTURES, "a/9.png": transparent})
    data = f"data={{dataset: image_folder, path: '{tmp_path / 'photos'}'}}"
    with pytest.raises(UsageError, match=r"9\.png has transparent pixels"):
        write_program(experiment(data, "layers=[Flatten, {type: Dense, units: 2, activation: softmax}]"))
