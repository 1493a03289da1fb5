"""Tables of built-in datasets, with shape, classes, files and download addresses, and of the kinds of user data.

A dataset needs only its entry in `DATASETS`.
"""

from dataclasses import dataclass

from dnn_cli.config.layer_stack import format_sizes
from dnn_cli.formats.dataset_contents import DatasetContents


@dataclass(frozen=True, kw_only=True)
class DatasetInfo(DatasetContents):
    """Shape, classes and task of a dataset, which are known before its examples are read."""

    validation_examples: int = 0
    """Number of examples in a separate validation set. `examples` includes them, as the last examples."""

    test_examples: int = 0
    """Number of examples in a separate test set. `examples` does not include them."""

    group_count: int = 0
    """Number of different groups of the examples that are split; 0 without groups."""

    time_count: int = 0
    """Number of different times of the examples that are split; 0 without times."""

    @property
    def is_classification(self) -> bool:
        return bool(self.classes)

    @property
    def has_images(self) -> bool:
        """Whether examples are called images: inputs have several axes."""
        return len(self.input_shape) > 1

    @property
    def example_noun(self) -> str:
        """Word for one example in messages."""
        return "image" if self.has_images else "example"

    @property
    def sizes_text(self) -> str:
        """Shape of one input as text: `28 × 28`, `30 features`."""
        return format_sizes(self.input_shape)


@dataclass(frozen=True, kw_only=True)
class Dataset(DatasetInfo):
    """Built-in dataset, which every user can load by name."""

    summary: str


@dataclass(frozen=True)
class IdxFile:
    """File in the IDX format; `sha256` is the digest of its decompressed content."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class IdxDataset(Dataset):
    """Dataset in four IDX files, such as MNIST."""

    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile
    directory_name: str
    """Name of the dataset's directory in the caches of `dnn` and Keras and in /usr/share/datasets."""

    debian_package: str | None = None
    """Debian and Ubuntu package that contains the dataset."""

    keras_archive: str | None = None
    """Name of the single file with the dataset, in Keras's directory `datasets`."""

    mirrors: tuple[str, ...]
    """HTTPS addresses that offer the four files, gzipped, as `<mirror>/<name>.gz`."""

    @property
    def files(self) -> tuple[IdxFile, ...]:
        return (self.train_images, self.train_labels, self.test_images, self.test_labels)


@dataclass(frozen=True, kw_only=True)
class EmbeddedDataset(Dataset):
    """Dataset that scikit-learn contains; `loader` is the name of its function in `sklearn.datasets`."""

    loader: str


DATASETS: dict[str, Dataset] = {
    "fashion_mnist": IdxDataset(
        summary="Images of clothes; Xiao et al. 2017.",
        input_shape=(28, 28),
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        pixel_max=255,
        value_bytes=1,
        examples=60_000,
        test_examples=10_000,
        train_images=IdxFile(
            "train-images-idx3-ubyte", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        train_labels=IdxFile(
            "train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
        test_images=IdxFile(
            "t10k-images-idx3-ubyte", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        test_labels=IdxFile(
            "t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        ),
        directory_name="fashion-mnist",
        debian_package="dataset-fashion-mnist",
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
        ),
    ),
    "mnist": IdxDataset(
        summary="Handwritten digits; LeCun et al. 1998.",
        input_shape=(28, 28),
        classes=tuple("0123456789"),
        pixel_max=255,
        value_bytes=1,
        examples=60_000,
        test_examples=10_000,
        train_images=IdxFile(
            "train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        train_labels=IdxFile(
            "train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        test_images=IdxFile(
            "t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
        ),
        test_labels=IdxFile(
            "t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        ),
        directory_name="mnist",
        keras_archive="mnist.npz",
        mirrors=(
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
        ),
    ),
    "digits": EmbeddedDataset(
        summary="Handwritten digits of 8 × 8 pixels.",
        input_shape=(8, 8),
        classes=tuple("0123456789"),
        pixel_max=16,
        value_bytes=1,
        examples=1_797,
        loader="load_digits",
    ),
    "iris": EmbeddedDataset(
        summary="Lengths and widths of iris flowers; Fisher 1936.",
        input_shape=(4,),
        classes=("setosa", "versicolor", "virginica"),
        examples=150,
        loader="load_iris",
    ),
    "wine": EmbeddedDataset(
        summary="Chemistry of wines from three growers.",
        input_shape=(13,),
        classes=("class_0", "class_1", "class_2"),
        examples=178,
        loader="load_wine",
    ),
    "breast_cancer": EmbeddedDataset(
        summary="Shapes of cell nuclei, malignant or benign; two classes.",
        input_shape=(30,),
        classes=("malignant", "benign"),
        examples=569,
        loader="load_breast_cancer",
    ),
    "diabetes": EmbeddedDataset(
        summary="Progression of a disease in a year; a regression. Efron et al. 2004.",
        input_shape=(10,),
        classes=(),
        examples=442,
        loader="load_diabetes",
    ),
}
"""Built-in datasets by name, in the order of `dnn list datasets`."""

USER_DATA_KINDS = {
    "csv": "Your own table: a header, columns of numbers, and a target column.",
    "parquet": "Your own table in a Parquet file: named columns, and a target column.",
    "npz": "Your own arrays in an .npz or in .npy files: x_train, y_train; optionally x_val, y_val, x_test, y_test.",
    "image_folder": "Your own images: a directory with a directory for each class.",
}
"""Summaries of the kinds of user data. Shape, classes and task come from the files at `data.path`."""

TABLE_KINDS = ("csv", "parquet")
"""Kinds of user data whose files are tables."""

DATASETS_BY_KEY = {
    "rules": ("csv", "parquet", "npz", "image_folder"),
    "validation_path": ("csv", "parquet", "image_folder"),
    "test_path": ("csv", "parquet", "image_folder"),
    "target": ("csv", "parquet"),
    "ignore": ("csv", "parquet"),
    "columns": ("csv", "parquet"),
    "missing": ("csv", "parquet"),
    "header": ("csv",),
    "delimiter": ("csv",),
    "encoding": ("csv",),
    "decimal": ("csv",),
    "thousands": ("csv",),
    "strip": ("csv",),
    "drop_unlabelled": ("csv", "parquet"),
    "weight": ("csv", "parquet"),
    "group": ("csv", "parquet", "npz"),
    "time": ("csv", "parquet", "npz"),
    "task": ("csv", "parquet", "npz"),
    "scale": ("csv", "parquet", "npz"),
    "channels": ("npz",),
    "image_size": ("image_folder",),
    "color_mode": ("image_folder",),
    "skip_damaged": ("image_folder",),
}
"""Kinds of user data that accept a key of `data`, by key. Every dataset accepts the keys that are not listed."""
