import os

import numpy as np
import pytest

from dnn_cli.errors import UserDataError
from dnn_cli.formats import image_cache, image_decoding
from dnn_cli.formats.image_directory import find_damaged_images, inspect_images, read_images
from dnn_cli.formats.reader_options import ImageOptions
from tests.helpers.image_files import GREY, build_png_bomb, encode_jpeg, encode_png, write_image, write_images

SKIPPING = ImageOptions(color_mode="rgb", skip_damaged=True)
DAMAGED = {
    "a/2.jpg": encode_jpeg(20, 30)[:-100],
    "a/4.jpg": b"",
    "b/1.jpg": b"<!DOCTYPE html><html></html>",
    "b/3.jpg": bytes(500),
    "b/5.png": build_png_bomb(9_000, 9_000),
}


@pytest.fixture
def photographs(tmp_path):
    """Write JPEGs of two classes, of which five are damaged, and return their directory."""
    images = {f"{kind}/{number}.jpg": encode_jpeg(20, 30, number) for kind in "ab" for number in range(6)}
    return write_images(tmp_path / "photos", images | DAMAGED)


@pytest.fixture
def cached(monkeypatch, tmp_path):
    """Cache all images, in an own directory, and return the list of names of files that were decoded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(image_decoding, "MIN_CACHED_SECONDS", 0)
    monkeypatch.setattr(image_decoding, "MIN_FILE_AGE", -60)
    decoded = []
    read = image_decoding.read_image

    def read_and_record(path, *arguments, **options):
        decoded.append(os.path.basename(path))
        return read(path, *arguments, **options)

    monkeypatch.setattr(image_decoding, "read_image", read_and_record)
    return decoded


def test_all_damaged_images_are_listed_at_once(photographs):
    with pytest.raises(UserDataError) as refused:
        read_images(photographs, ImageOptions())
    lines = refused.value.message.split("\n")
    assert [line.split("photos/")[1].split(" ")[0] for line in lines] == sorted(DAMAGED)
    assert refused.value.suggestion == ("replace or remove the files, or set data.skip_damaged=true to leave them out")
    assert [error.message for error in find_damaged_images(photographs, ImageOptions())] == lines
    assert len(find_damaged_images(photographs, ImageOptions((8, 8), "grayscale"))) == 5


def test_long_list_of_damaged_images_ends_with_a_count(tmp_path):
    images = {f"{kind}/{number}.png": b"x" if number else GREY for kind in "ab" for number in range(10)}
    path = write_images(tmp_path, images)
    with pytest.raises(UserDataError) as refused:
        read_images(path, ImageOptions())
    lines = refused.value.message.split("\n")
    assert (len(lines), lines[-1]) == (11, "8 more images are damaged")


def test_damaged_images_are_left_out_on_request(photographs, tmp_path):
    contents = inspect_images(photographs, SKIPPING)
    assert (contents.examples, contents.input_shape) == (8, (20, 30, 3))
    assert [str(remark) for remark in contents.remarks] == [
        "photos: 5 damaged images are left out: a/2.jpg, a/4.jpg, b/1.jpg, …  (data.skip_damaged=false)"
    ]
    arrays = read_images(photographs, SKIPPING)
    assert arrays.targets.tolist() == [0] * 4 + [1] * 4
    for name in DAMAGED:
        (tmp_path / "photos" / name).unlink()
    complete = read_images(photographs, ImageOptions())
    assert np.array_equal(arrays.inputs, complete.inputs)
    assert inspect_images(photographs, SKIPPING).remarks == ()


def test_damaged_first_image_is_left_out(tmp_path):
    path = write_images(tmp_path, {"a/1.png": b"", "a/2.png": GREY, "b/1.png": GREY})
    assert read_images(path, SKIPPING).inputs.shape == (2, 2, 3, 3)
    with pytest.raises(UserDataError, match=r"a/1\.png is not an image") as refused:
        inspect_images(path, ImageOptions())
    assert refused.value.suggestion.endswith("or set data.skip_damaged=true to leave it out")


def test_class_of_damaged_images_is_refused(tmp_path):
    path = write_images(tmp_path, {"a/1.png": GREY, "b/1.png": b"", "b/2.png": b"x"})
    for read in (inspect_images, read_images):
        with pytest.raises(UserDataError, match=r"all images in .*b are damaged"):
            read(path, SKIPPING)


def test_image_of_another_size_is_not_left_out(tmp_path):
    path = write_images(tmp_path, {"a/1.png": GREY, "a/2.png": b"", "b/1.png": np.zeros((5, 4), np.uint8)})
    with pytest.raises(UserDataError, match=r"b/1\.png is 5 × 4, but the first image is 2 × 3"):
        read_images(path, SKIPPING)


def test_second_reading_uses_the_cache(photographs, cached):
    first = read_images(photographs, SKIPPING)
    assert len(cached) == 13
    second = read_images(photographs, SKIPPING)
    assert len(cached) == 13
    assert np.array_equal(first.inputs, second.inputs)
    assert np.array_equal(first.targets, second.targets)
    assert inspect_images(photographs, SKIPPING).examples == 8
    assert len(cached) == 13


@pytest.mark.parametrize(
    "options",
    [ImageOptions((8, 8), "rgb"), ImageOptions((8, 8), "grayscale"), ImageOptions((8, 8), rules=1), ImageOptions()],
    ids=["colour", "grey", "first rules", "own size"],
)
def test_cache_has_the_same_bits(tmp_path, cached, options):
    images = {f"{kind}/{number}.jpg": encode_jpeg(40, 60, number) for kind in "ab" for number in range(3)}
    path = write_images(tmp_path / "photos", images)
    first, second = read_images(path, options), read_images(path, options)
    assert len(cached) == 6
    assert first.inputs.tobytes() == second.inputs.tobytes()
    assert (second.inputs.dtype, second.inputs.shape) == (first.inputs.dtype, first.inputs.shape)
    assert second.inputs.flags.c_contiguous


def test_changed_files_are_decoded_again(tmp_path, cached):
    path = write_images(tmp_path / "photos", {"a/1.png": GREY, "b/1.png": GREY})
    read_images(path, ImageOptions())
    changed = tmp_path / "photos" / "b" / "1.png"
    times = changed.stat()
    write_image(changed, 255 - GREY)
    # Only the time of the last change of the status cannot be set.
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert np.array_equal(read_images(path, ImageOptions(None, "grayscale")).inputs[1], 255 - GREY)
    write_image(tmp_path / "photos" / "b" / "2.png", GREY)
    assert len(read_images(path, ImageOptions()).inputs) == 3
    changed.rename(tmp_path / "photos" / "b" / "3.png")
    assert len(cached) == 7
    assert np.array_equal(read_images(path, ImageOptions(None, "grayscale")).inputs[2], 255 - GREY)


def test_other_options_are_decoded_again(tmp_path, cached):
    path = write_images(tmp_path / "photos", {"a/1.png": encode_png(GREY), "b/1.png": GREY})
    shapes = [
        read_images(path, options).inputs.shape
        for options in (ImageOptions(), ImageOptions((4, 4)), ImageOptions((4, 4), "grayscale"))
    ]
    assert shapes == [(2, 2, 3, 3), (2, 4, 4, 3), (2, 4, 4)]
    assert len(cached) == 6


def test_new_or_quickly_decoded_files_are_not_cached(tmp_path, cached, monkeypatch):
    path = write_images(tmp_path / "photos", {"a/1.png": GREY, "b/1.png": GREY})
    monkeypatch.setattr(image_decoding, "MIN_FILE_AGE", 3600)
    read_images(path, ImageOptions())
    monkeypatch.setattr(image_decoding, "MIN_FILE_AGE", -60)
    monkeypatch.setattr(image_decoding, "MIN_CACHED_SECONDS", 3600)
    read_images(path, ImageOptions())
    assert not (tmp_path / "cache").exists()
    assert len(cached) == 4


def test_files_that_change_during_the_decoding_are_not_cached(tmp_path, cached, monkeypatch):
    path = write_images(tmp_path / "photos", {"a/1.png": GREY, "b/1.png": GREY})
    read = image_decoding.read_image

    def read_and_change(file, *arguments, **options):
        pixels = read(file, *arguments, **options)
        write_image(tmp_path / "photos" / "b" / "1.png", 255 - GREY)
        return pixels

    monkeypatch.setattr(image_decoding, "read_image", read_and_change)
    monkeypatch.setattr(image_decoding, "write_cached_images", None)
    assert len(read_images(path, ImageOptions()).inputs) == 2


def test_unusable_cache_does_not_prevent_reading(tmp_path, cached, monkeypatch):
    path = write_images(tmp_path / "photos", {"a/1.png": GREY, "b/1.png": GREY})
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setattr(image_cache, "MAX_CACHE_BYTES", 0)
    for _ in range(2):
        assert len(read_images(path, ImageOptions()).inputs) == 2
    assert len(cached) == 4
