"""The datasets: what each holds, and where its bytes are to be had. No data is read here.

To add a dataset, put an entry into `DATASETS`.
"""

from dataclasses import dataclass
from typing import Literal

from dnn_cli.spec.base import Shape

DatasetName = Literal["fashion_mnist", "digits"]


@dataclass(frozen=True)
class Dataset:
    """A set of uint8 images with one class each."""

    summary: str
    image_shape: Shape
    classes: tuple[str, ...]
    pixel_max: int
    """The pixel value that is scaled to 1."""

    examples: int
    """How many examples there are to train and validate on."""

    test_examples: int
    """How many examples are kept apart for the last judgement."""

    def input_shape(self, flatten: bool) -> Shape:
        """The shape of one input: the image, or its pixels in one row."""
        height, width = self.image_shape
        return (height * width,) if flatten else self.image_shape


@dataclass(frozen=True)
class IdxFile:
    """One file in the IDX format; `sha256` is the digest of its content after decompression."""

    name: str
    sha256: str


@dataclass(frozen=True)
class IdxDataset(Dataset):
    """A dataset in four IDX files, as MNIST is."""

    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile
    folder: str
    """The name of its folder in Keras's cache and under /usr/share/datasets."""

    package: str
    """The package of Debian and Ubuntu that holds it."""

    mirrors: tuple[str, ...]
    """Where the four files are to be had over HTTPS, gzipped, as `<mirror>/<name>.gz`."""

    @property
    def files(self) -> tuple[IdxFile, ...]:
        return (self.train_images, self.train_labels, self.test_images, self.test_labels)


@dataclass(frozen=True)
class EmbeddedDataset(Dataset):
    """A dataset that comes with scikit-learn, by the name of its loader in `sklearn.datasets`."""

    loader: str


FASHION_MNIST = IdxDataset(
    summary="Images of clothes; Xiao et al. 2017.",
    image_shape=(28, 28),
    classes=(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    pixel_max=255,
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
    folder="fashion-mnist",
    package="dataset-fashion-mnist",
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    ),
)  # fmt: skip

DIGITS = EmbeddedDataset(
    summary="Handwritten digits; part of scikit-learn, so never downloaded.",
    image_shape=(8, 8),
    classes=tuple("0123456789"),
    pixel_max=16,
    examples=1_797,
    test_examples=0,
    loader="load_digits",
)

DATASETS: dict[DatasetName, Dataset] = {"fashion_mnist": FASHION_MNIST, "digits": DIGITS}
