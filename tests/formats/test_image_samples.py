import pytest

from dnn_cli.formats.image_directory import sample_image_sizes
from dnn_cli.formats.image_samples import MAX_SUGGESTED_SIDE, SizeSample, has_grey_sample, read_size_sample
from dnn_cli.formats.reader_options import ImageOptions
from tests.helpers.image_files import COLOUR, GREY, encode_jpeg, write_images


@pytest.mark.parametrize(
    ("sizes", "suggested", "reason"),
    [
        ([(3024, 4032)], (96, 128), "the images are 3,024 × 4,032; larger values cost time and memory"),
        ([(600, 800)], (96, 128), "the images are 600 × 800; larger values cost time and memory"),
        ([(28, 28)], (28, 28), "size of the images"),
        ([(5, 6), (5, 7)], (5, 6), "the images are 5 × 6 to 5 × 7; all are resized"),
        ([(3024, 4032), (4032, 3024)], (128, 128), "the images are 3,024 × 4,032 and 4,032 × 3,024; all are resized"),
        ([(480, 640), (3024, 4032), (1080, 1920)], (72, 128), "the images are 480 × 640 to 3,024 × 4,032; all are"),
        ([(1, 60_000)], (1, 128), "the images are 1 × 60,000"),
    ],
)
def test_suggested_size_keeps_the_median_aspect_ratio(sizes, suggested, reason):
    sample = SizeSample(tuple(sizes))
    assert sample.suggest_size() == suggested
    assert max(suggested) <= MAX_SUGGESTED_SIDE
    assert reason in sample.describe_sizes(suggested)


def test_sizes_are_those_of_displayed_images(tmp_path):
    turned = encode_jpeg(30, 40, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
    path = write_images(tmp_path, {"a/1.jpg": turned, "b/1.jpg": encode_jpeg(40, 30), "b/2.jpg": b"<html>"})
    assert sample_image_sizes(path, ImageOptions()) == SizeSample(((40, 30), (40, 30)))


def test_sample_of_damaged_images_is_empty(tmp_path):
    path = write_images(tmp_path, {"1.png": b"", "2.png": b"x"})
    assert read_size_sample([f"{path}/1.png", f"{path}/2.png"]) is None
    assert not has_grey_sample([f"{path}/1.png"])


def test_grey_images_have_grey_headers(tmp_path):
    path = write_images(tmp_path, {"1.png": GREY, "2.png": COLOUR, "3.png": GREY})
    assert has_grey_sample([f"{path}/1.png", f"{path}/3.png"])
    assert not has_grey_sample([f"{path}/{number}.png" for number in (1, 2, 3)])
