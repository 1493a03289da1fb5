import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from dnn_cli.config.data import Data
from dnn_cli.data.examples import load_examples, load_test_examples
from dnn_cli.errors import UserDataError
from dnn_cli.formats import image_decoding, image_directory, safe_open
from dnn_cli.formats.dataset_contents import DatasetContents, Remark, ignore_progress
from dnn_cli.formats.reader_options import ImageOptions
from tests.helpers.image_files import COLOUR, GREY, build_png_bomb, encode_jpeg, encode_png, write_image


@pytest.fixture
def write_images(tmp_path):
    """Return a function that writes an image directory and returns its path."""

    def write(images, name="images"):
        for file, image in images.items():
            write_image(tmp_path / name / file, image)
        return str(tmp_path / name)

    return write


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Create a directory with one valid class, and one that every example of a rule writes again."""
    path = tmp_path_factory.mktemp("images")
    write_image(path / "a" / "1.png", GREY)
    (path / "b").mkdir()
    return path


def inspect_images(path, size=None, mode=None, classes=None, **options):
    """Inspect a directory with options."""
    return image_directory.inspect_images(path, ImageOptions(size, mode, **options), classes)


def read_images(path, size=None, mode=None, classes=None, progress=ignore_progress, **options):
    """Read a directory with options."""
    return image_directory.read_images(path, ImageOptions(size, mode, **options), classes, progress)


def get_error(path, size=None, mode="grayscale", classes=None, inspect=inspect_images):
    """Return the error of a directory."""
    with pytest.raises(UserDataError) as caught:
        inspect(path, size, mode, classes)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("mode", "shape"),
    [pytest.param("grayscale", (2, 3), id="grey"), pytest.param("rgb", (2, 3, 3), id="colour")],
)
def test_images_are_read_class_by_class_and_by_name(write_images, mode, shape):
    image = GREY if mode == "grayscale" else COLOUR
    path = write_images({"dog/2.png": image + 2, "dog/10.png": image + 1, "cat/9.png": image})
    assert inspect_images(path, None, mode) == DatasetContents(shape, 3, ("cat", "dog"), pixel_max=255, value_bytes=1)
    arrays = read_images(path, None, mode)
    assert arrays.inputs.dtype == np.uint8
    assert arrays.inputs.flags.c_contiguous
    assert np.array_equal(arrays.inputs, [image, image + 1, image + 2])
    assert arrays.targets.dtype == np.int32
    assert arrays.targets.tolist() == [0, 1, 1]


def test_files_without_image_suffix_are_ignored(write_images):
    images = {"a/1.png": GREY, "b/1.PNG": GREY}
    others = {"a/notes.txt": b"x", "a/._1.png": b"x", ".git/1.png": b"x", "README.md": b"x"}
    path = write_images({**images, **others})
    assert inspect_images(path, None, "grayscale").examples == 2
    assert len(read_images(path, None, "grayscale").inputs) == 2


def test_subdirectory_of_a_class_is_refused(write_images):
    path = write_images({"a/1.png": GREY, "b/1.png": GREY, "a/more/2.png": GREY})
    with pytest.raises(UserDataError, match="contains the directory more, but a class"):
        inspect_images(path, None, "grayscale")


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "gif", "webp", "JPG"])
def test_every_format_is_read(write_images, suffix):
    smooth = np.full((8, 8), 120, np.uint8)
    path = write_images({f"a/1.{suffix}": smooth, f"b/1.{suffix}": smooth})
    assert np.abs(read_images(path, None, "grayscale").inputs.astype(int) - 120).max() <= 2


def test_first_frame_of_an_animation_is_read(write_images, tmp_path):
    path = write_images({"a/1.png": GREY})
    (tmp_path / "images" / "b").mkdir()
    first, second = (Image.fromarray(GREY + more) for more in (0, 9))
    first.save(tmp_path / "images" / "b" / "1.gif", save_all=True, append_images=[second])
    assert np.array_equal(read_images(path, None, "grayscale").inputs[1], GREY)


def test_images_are_resized_only_if_asked(write_images):
    path = write_images({"a/1.png": GREY, "b/1.png": np.zeros((5, 4), np.uint8)})
    assert inspect_images(path, None, "grayscale").input_shape == (2, 3)
    error = get_error(path, inspect=read_images)
    assert f"{path}/b/1.png is 5 × 4, but the first image is 2 × 3" in error.message
    assert error.suggestion == "use data.image_size=[2,3] to resize all images"
    assert inspect_images(path, (4, 6), "rgb").input_shape == (4, 6, 3)
    inputs = read_images(path, (4, 6), "grayscale").inputs
    expected = Image.fromarray(GREY).resize((6, 4), Image.Resampling.BILINEAR)
    assert np.array_equal(inputs[0], np.asarray(expected))


def test_exif_orientation_is_applied(write_images, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    turned = encode_png(GREY, exif=exif)
    path = write_images({"a/1.png": turned, "b/1.png": np.rot90(GREY, -1)})
    assert inspect_images(path, None, "grayscale").input_shape == (3, 2)
    inputs = read_images(path, None, "grayscale").inputs
    assert np.array_equal(inputs[0], inputs[1])


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(np.full((1, 1, 4), (0, 0, 0, 0), np.uint8), 255, id="transparent is white"),
        pytest.param(np.full((1, 1, 4), (0, 0, 0, 255), np.uint8), 0, id="opaque black stays"),
        pytest.param(np.full((1, 1), 0x8040, np.uint16), 0x80, id="16 bits are scaled"),
        pytest.param(Image.new("1", (1, 1), 1), 255, id="one bit"),
        pytest.param(Image.new("P", (1, 1), 0), 0, id="palette"),
        pytest.param(encode_png(np.zeros((1, 1), np.uint8), transparency=0), 255, id="transparent colour"),
    ],
)
def test_every_pixel_format_becomes_8_bits(write_images, image, expected):
    path = write_images({"a/1.png": image, "b/1.png": image})
    for mode in ("grayscale", "rgb"):
        assert np.unique(read_images(path, None, mode).inputs).tolist() == [expected]


def test_validation_directory_uses_the_training_classes(write_images):
    path = write_images({"b/1.png": GREY})
    assert inspect_images(path, None, "grayscale", ("a", "b")).classes == ("a", "b")
    assert read_images(path, None, "grayscale", ("a", "b")).targets.tolist() == [1]
    error = get_error(path, classes=("a", "bb"))
    assert "subdirectory b, which is not a class of the training directory" in error.message
    assert "bb" in error.suggestion


@pytest.mark.parametrize(
    ("images", "message", "hint"),
    [
        pytest.param({"a/1.png": GREY}, "images has 1 subdirectory", "2 to 10,000", id="one class"),
        pytest.param({"1.png": GREY}, "1 image, but no directories of classes", "images/cat", id="no classes"),
        pytest.param({"a/1.png": GREY, "b/1.txt": b""}, "images/b contains no images", "remove", id="empty class"),
        pytest.param({"a/1.png": b"text", "b/1.png": GREY}, "a/1.png is not an image", "replace", id="no image"),
        pytest.param({"a/1.png": b"", "b/1.png": GREY}, "a/1.png is not an image", "replace", id="empty file"),
        pytest.param({"a/1.png": b"%!PS-Adobe-3.0 EPSF", "b/1.png": GREY}, "is not an image", "", id="PostScript"),
        pytest.param(
            {"a/1.png": build_png_bomb(8_000, 8_000), "b/1.png": GREY},
            "8,000 × 8,000 pixels; the limit is 50,",
            "",
            id="bomb",
        ),
        pytest.param(
            {"a/1.png": build_png_bomb(10_000, 10_000), "b/1.png": GREY}, "10,000 × 10,000", "", id="larger bomb"
        ),
        pytest.param(
            {"a/1.png": build_png_bomb(60_000, 60_000), "b/1.png": GREY}, "too many pixels", "", id="huge bomb"
        ),
    ],
)
def test_error_names_the_file_and_a_hint(write_images, images, message, hint):
    error = get_error(write_images(images))
    assert message in error.message
    assert hint in error.suggestion


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(encode_png(np.tile(GREY, (50, 50)))[:-100], "b/1.png is damaged", id="cut short"),
        pytest.param(build_png_bomb(2, 3), "b/1.png is damaged", id="no pixels"),
        pytest.param(build_png_bomb(8_000, 8_000), "the limit is 50,000,000 pixels", id="bomb"),
        pytest.param(b"GIF89a", "b/1.png is", id="only a mark"),
    ],
)
def test_damaged_image_is_refused(write_images, content, message):
    path = write_images({"a/1.png": np.tile(GREY, (50, 50)), "b/1.png": content})
    inspect_images(path, None, "grayscale")
    assert message in get_error(path, inspect=read_images).message


def test_only_regular_files_are_opened(write_images, tmp_path):
    path = write_images({"a/1.png": GREY, "b/1.png": GREY})
    os.mkfifo(tmp_path / "images" / "b" / "2.png")  # opening it would wait for a writer
    assert "b/2.png is a pipe or device" in get_error(path, inspect=read_images).message
    (tmp_path / "images" / "b" / "2.png").unlink()
    (tmp_path / "images" / "b" / "2.png").symlink_to("nowhere")
    assert "b/2.png does not exist" in get_error(path, inspect=read_images).message
    assert len(read_images(path, None, "grayscale", skip_damaged=True).inputs) == 2
    (tmp_path / "images" / "loop").symlink_to("loop")
    (tmp_path / "images" / "b" / "2.png").unlink()
    (tmp_path / "images" / "b" / "2.png").symlink_to(tmp_path / "images" / "a" / "1.png")
    assert len(read_images(path, None, "grayscale").inputs) == 3


def test_missing_directory_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert "does not exist" in get_error(str(tmp_path / "none")).message
    assert "Not a directory" in get_error(str(tmp_path / "file")).message
    assert "cannot be read" in get_error("a\0b").message


def test_class_name_must_be_utf8(write_images):
    path = write_images({"a/1.png": GREY, "b/1.png": GREY})
    os.mkdir(os.fsencode(path) + b"/\xff")
    assert "whose name is not UTF-8" in get_error(path).message


def test_images_larger_than_memory_are_not_decoded(write_images, monkeypatch):
    path = write_images({"a/1.png": GREY, "b/1.png": b"never decoded"})
    monkeypatch.setattr(safe_open, "get_usable_memory", lambda: 11)
    assert "GB in memory" in get_error(path, inspect=read_images).message


def test_reading_reports_progress(write_images, monkeypatch):
    monkeypatch.setattr(image_decoding, "IMAGES_PER_UPDATE", 2)
    path = write_images({f"{name}/{at}.png": GREY for name in "ab" for at in range(2)})
    calls = []
    read_images(path, None, "grayscale", progress=lambda *words: calls.append(words))
    assert calls == [(f"reading {path}", 0, 4), (f"reading {path}", 2, 4)]


@pytest.mark.parametrize("threshold", [pytest.param(0, id="in threads"), pytest.param(10**9, id="one by one")])
def test_threads_do_not_change_the_result(write_images, monkeypatch, threshold):
    monkeypatch.setattr(image_decoding, "MIN_BYTES_FOR_THREADS", threshold)
    images = {f"{at % 3}/{at:03}.png": np.full((2, 2), at, np.uint8) for at in range(100)}
    arrays = read_images(write_images(images), None, "grayscale")
    assert arrays.inputs[:, 0, 0].tolist() == [*range(0, 100, 3), *range(1, 100, 3), *range(2, 100, 3)]
    assert arrays.targets.tolist() == [0] * 34 + [1] * 33 + [2] * 33


@settings(deadline=None)  # files on a busy machine
@given(st.data())
def test_any_bytes_are_an_image_or_refused(scratch, data):
    suffix = data.draw(st.sampled_from(["png", "jpg", "bmp", "gif", "webp", "tif"]))
    path = scratch / "b" / f"1.{suffix}"
    write_image(path, data.draw(st.sampled_from([GREY, COLOUR])))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(data.draw(st.just(bytes(raw)) | st.binary()))
    options = data.draw(st.sampled_from([{}, {"skip_damaged": True}, {"rules": 1}]))
    size = data.draw(st.sampled_from([None, (2, 3), (1, 1)]))
    try:
        contents = inspect_images(str(scratch), size, "rgb", **options)
        assert len(read_images(str(scratch), size, "rgb", **options).inputs) == contents.examples
    except UserDataError as error:
        assert str(scratch) in error.message
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (("train", "test"), {"path": "train", "test_path": "test"}),
        (("Training", "Testing"), {"path": "Training", "test_path": "Testing"}),
        (("train", "val", "test"), {"path": "train", "validation_path": "val", "test_path": "test"}),
    ],
    ids=["two", "capitals", "three"],
)
def test_directory_of_splits_suggests_the_keys(write_images, names, keys):
    images = {f"{part}/{kind}/{number}.png": GREY for part in names for kind in "ab" for number in range(3)}
    root = write_images(images)
    with pytest.raises(UserDataError, match="instead of directories of classes") as refused:
        inspect_images(root, None, "grayscale")
    assert refused.value.suggestion == "use " + ", ".join(f"{key}: {root}/{part}" for key, part in keys.items())
    data = Data.model_validate({"dataset": "image_folder", **{key: f"{root}/{part}" for key, part in keys.items()}})
    assert data.info.classes == ("a", "b")
    assert data.info.test_examples == 6
    assert data.info.validation_examples == (6 if "validation_path" in keys else 0)


def test_nested_directory_is_suggested(write_images):
    root = write_images({f"photos/{kind}/1.png": GREY for kind in "ab"})
    with pytest.raises(UserDataError, match="contains only the directory photos") as refused:
        inspect_images(root, None, "grayscale")
    assert refused.value.suggestion == f"use path: {root}/photos"
    assert inspect_images(f"{root}/photos", None, "grayscale").classes == ("a", "b")


def test_directory_below_a_class_suggests_both_remedies(write_images, tmp_path):
    root = write_images({"a/1.png": GREY, "a/more/2.png": GREY, "b/1.png": GREY})
    with pytest.raises(UserDataError) as refused:
        inspect_images(root, None, "grayscale")
    assert refused.value.suggestion == f"use path: {root}/a if more is a class, or store the images of more in a"
    (tmp_path / "images" / "a" / "more" / "2.png").rename(tmp_path / "images" / "a" / "2.png")
    (tmp_path / "images" / "a" / "more").rmdir()
    assert inspect_images(root, None, "grayscale").examples == 3


def write_unusual_images(directory):
    """Write valid images of many kinds, with files of systems, and return the directory."""
    colour = Image.fromarray(COLOUR)
    transparent = colour.convert("RGBA")
    transparent.putalpha(128)
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = Image.fromarray(np.rot90(COLOUR).copy())
    palette = colour.convert("P")
    palette.info["transparency"] = 0
    images = {
        "cat/1.JPG": colour,
        "cat/2 with spaces.png": transparent,
        "cat/3.gif": palette,
        "cat/4.webp": colour,
        "cat/5.jpg": encode_png(COLOUR),
        "cat/6.png": palette,
        "dog/1.jpg": colour.convert("CMYK"),
        "dog/2.png": encode_png(np.asarray(sideways), exif=exif),
        "dog/3.bmp": colour,
        "dog/4.tif": colour.convert("LA"),
        "dog/5.jfif": encode_png(COLOUR),
        "dog/6.jpeg": colour.convert("L"),
        **{f"{kind}/{name}": b"x" for kind in ("cat", "dog") for name in ("Thumbs.db", "._1.jpg", ".DS_Store")},
        "cat/.ipynb_checkpoints/1-checkpoint.png": colour,
        "__MACOSX/cat/._1.jpg": b"x",
        ".ipynb_checkpoints/1.png": colour,
        "desktop.ini": b"x",
    }
    for file, image in images.items():
        write_image(directory / file, image)
    return str(directory)


def test_unusual_images_are_read(tmp_path):
    path = write_unusual_images(tmp_path / "train")
    contents = inspect_images(path)
    assert contents == DatasetContents((2, 3, 3), 12, ("cat", "dog"), pixel_max=255, value_bytes=1)
    arrays = read_images(path)
    assert arrays.targets.tolist() == [0] * 6 + [1] * 6
    assert np.array_equal(arrays.inputs[4], COLOUR)
    assert np.array_equal(arrays.inputs[7], COLOUR)
    assert np.array_equal(arrays.inputs[8], COLOUR)
    write_image(tmp_path / "val" / "dog" / "1.png", COLOUR)
    assert read_images(str(tmp_path / "val"), classes=contents.classes).targets.tolist() == [1]
    (tmp_path / "val" / "cat").mkdir()
    assert "val/cat contains no images" in get_error(str(tmp_path / "val"), classes=contents.classes).message


def test_first_rules_read_the_same_pixels(tmp_path):
    path = write_unusual_images(tmp_path)
    later, first = read_images(path), read_images(path, rules=1)
    assert len(first.inputs) == 10
    assert np.array_equal(first.inputs, np.delete(later.inputs, [9, 10], axis=0))


def test_grey_images_suggest_the_other_colour_mode(write_images):
    path = write_images({"a/1.png": GREY, "b/1.png": GREY})
    contents = inspect_images(path)
    assert contents.decisions == {"color_mode": "rgb"}
    message = "images: the images are grey, and are read as three equal colour channels"
    assert contents.remarks == (Remark(message, "data.color_mode=grayscale"),)
    for options in ({"mode": "grayscale"}, {"mode": "rgb"}, {"rules": 1}, {"classes": ("a", "b")}):
        assert inspect_images(path, **options).remarks == ()
    write_images({"b/2.png": COLOUR})
    assert inspect_images(path).decisions == {}


@pytest.mark.parametrize(
    ("images", "keys"),
    [
        ({"a/1.png": GREY, "b/1.png": GREY}, {}),
        ({"a/1.png": COLOUR, "b/1.png": COLOUR, "b/2.heic": b"x"}, {}),
        ({"a/1.png": GREY, "b/1.png": COLOUR, "b/2.png": b""}, {"skip_damaged": True}),
        ({"a/1.png": GREY, "b/1.png": np.zeros((5, 4), np.uint8)}, {"image_size": (3, 3)}),
        ({f"{part}/{kind}/1.png": GREY for part in ("train", "test") for kind in "ab"}, {}),
    ],
    ids=["grey", "unread files", "damaged", "resized", "splits"],
)
def test_explicit_decisions_give_the_same_examples(write_images, images, keys):
    data = Data.model_validate({"dataset": "image_folder", "path": write_images(images), **keys})
    decided = Data.model_validate(data.with_decisions().model_dump(exclude_none=True))
    assert decided.info.decisions == {}
    assert {remark.override for remark in decided.info.remarks} <= {
        remark.override for remark in data.info.remarks if remark.override != "data.color_mode=grayscale"
    }
    assert decided.info.classes == data.info.classes
    for load in (load_examples, load_test_examples) if data.info.test_examples else (load_examples,):
        assert load(decided).digest == load(data).digest


def test_large_image_size_is_valid(write_images):
    path = write_images({"a/1.png": GREY, "b/1.png": GREY})
    data = Data.model_validate({"dataset": "image_folder", "path": path, "image_size": [3024, 4032]})
    assert data.info.input_shape == (3024, 4032, 3)
    with pytest.raises(ValidationError):
        Data.model_validate({"dataset": "image_folder", "path": path, "image_size": [65_536, 1]})


def test_suggested_size_of_photographs_is_small(write_images, monkeypatch):
    path = write_images({"a/1.jpg": encode_jpeg(600, 800), "b/1.jpg": encode_jpeg(300, 400)})
    error = get_error(path, inspect=read_images)
    assert (error.suggestion, "is 300 × 400" in error.message) == (
        "use data.image_size=[96,128] to resize all images",
        True,
    )
    monkeypatch.setattr(safe_open, "get_usable_memory", lambda: 11)
    assert get_error(path, inspect=read_images).suggestion == "use data.image_size=[96,128] to resize all images"
    assert get_error(path, (5, 5), inspect=read_images).suggestion == "use fewer images, or a smaller data.image_size"


def test_other_size_of_a_split_suggests_a_common_size(write_images):
    path = write_images({f"train/{kind}/1.png": GREY for kind in "ab"} | {"test/a/1.png": COLOUR[:1]})
    with pytest.raises(UserDataError, match="the test examples have the shape") as refused:
        Data.model_validate({"dataset": "image_folder", "path": path}).with_decisions()
    assert refused.value.suggestion == "use data.image_size=[2,3] to resize all images"


@pytest.mark.parametrize("suffix", ["gif", "webp", "tif"])
def test_unread_frames_are_named(write_images, tmp_path, suffix):
    path = write_images({"a/1.png": COLOUR, "b/1.gif": COLOUR, "b/2.gif": b""})
    assert inspect_images(path).remarks == ()
    frames = [Image.fromarray(COLOUR + more) for more in (0, 9)]
    frames[0].save(tmp_path / "images" / "b" / f"3.{suffix}", save_all=True, append_images=frames[1:])
    message = f"images: b/3.{suffix} has several frames, and of such images only the first frame is read"
    assert inspect_images(path).remarks == (Remark(message),)
