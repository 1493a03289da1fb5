"""Images that are nearly equal are found, and other images of one kind are not."""

import io

import numpy as np
import pytest
from PIL import Image

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.all_examples import AllExamples
from dnn_cli.data.examples import Examples, Split, load_examples, split_examples
from dnn_cli.data.near_duplicates import find_near_duplicates, list_near_duplicate_issues

PHOTOS = Data(dataset="image_folder", path="photos").with_info(
    DatasetInfo(input_shape=(24, 20, 3), examples=120, classes=("cat", "dog"))
)


def draw_photos(count, seed=0, size=(24, 20, 3)):
    """Smooth random images."""
    rough = np.random.default_rng(seed).integers(0, 256, (count, 5, 4, 3), np.uint8)
    images = [Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC) for image in rough]
    return np.stack([np.asarray(image) for image in images])


def encode_as_jpeg(image, quality=90):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(buffer))


def split_images(images, validation_count):
    indices = np.arange(len(images))
    count = len(images) - validation_count
    return AllExamples(Examples(images, np.zeros(len(images), np.int32)), None, Split(indices[:count], indices[count:]))


def add_noise(image):
    return np.clip(image + np.random.default_rng(1).integers(-3, 4, image.shape), 0, 255).astype(np.uint8)


CHANGES = {
    "brightness": lambda image: np.clip(image * 0.9 + 10, 0, 255).astype(np.uint8),
    "compression": encode_as_jpeg,
    "noise": add_noise,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_copies_are_found(change):
    photos = draw_photos(120)
    photos[100:110] = [change(photo) for photo in photos[:10]]
    all_examples = split_images(photos, 20)
    assert find_near_duplicates(all_examples).tolist() == [[at, 100 + at] for at in range(10)]
    (issue,) = list_near_duplicate_issues(PHOTOS, all_examples)
    assert issue.message == "10 of 20 validation images are nearly equal to a training image"
    assert issue.groups[0] == (0, 100)


def test_copies_in_one_split_are_counted():
    photos = draw_photos(60)
    photos[1] = CHANGES["brightness"](photos[0])
    (issue,) = list_near_duplicate_issues(PHOTOS, split_images(photos, 20))
    assert issue.message == "1 pair of images is nearly equal, within a split"


def test_equal_and_blank_images_are_left_out():
    photos = draw_photos(60)
    photos[40:50] = photos[:10]
    photos[50:] = np.arange(10, dtype=np.uint8)[:, None, None, None]
    assert list_near_duplicate_issues(PHOTOS, split_images(photos, 20)) == []


def test_pairs_are_those_of_all_correlations():
    photos = draw_photos(300, size=(9, 7, 3)) // 8 * 8
    photos[150:] = np.clip(photos[:150] + np.random.default_rng(3).integers(-9, 10, photos[:150].shape), 0, 255)
    photos[200:] = np.where(np.random.default_rng(4).random(photos[200:].shape) < 0.5, photos[50:150], photos[200:])
    correlations = np.corrcoef(photos.reshape(300, -1).astype(np.float64))
    expected = np.argwhere(np.triu(correlations >= 0.998, 1)).tolist()
    assert 10 < len(expected) < 150
    assert find_near_duplicates(split_images(photos, 100)).tolist() == expected


def test_digits_have_no_near_duplicates():
    data = Data(dataset="digits")
    examples = load_examples(data)
    assert list_near_duplicate_issues(data, AllExamples(examples, None, split_examples(data, examples))) == []


def test_tables_have_no_near_duplicates():
    rows = np.zeros((9, 4), np.float32)
    assert list_near_duplicate_issues(Data(dataset="iris"), split_images(rows, 2)) == []
