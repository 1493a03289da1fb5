import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from dnn_cli.errors import UserDataError
from dnn_cli.formats.image_file import DamagedImageError, read_image, read_image_size, silence_pillow_warnings
from tests.helpers.image_files import encode_jpeg, write_image

ORIENTATION = 0x0112


@pytest.fixture
def photograph(tmp_path):
    """Return the path of a JPEG that is larger than a result."""
    write_image(tmp_path / "photo.jpg", encode_jpeg(480, 640))
    return str(tmp_path / "photo.jpg")


def test_reduced_decoding_differs_by_rounding(photograph):
    reduced, full = (read_image(photograph, (48, 64), True, "rgb", rules=rules).astype(int) for rules in (2, 1))
    assert 0 < np.abs(reduced - full).max() <= 4
    assert np.array_equal(reduced, read_image(photograph, (48, 64), True, "rgb"))


def test_first_rules_resize_all_pixels(photograph):
    with Image.open(photograph) as image:
        expected = np.asarray(image.resize((64, 48), Image.Resampling.BILINEAR))
    assert np.array_equal(read_image(photograph, (48, 64), True, "rgb", rules=1), expected)


def test_own_size_is_not_reduced(photograph):
    with Image.open(photograph) as image:
        expected = np.asarray(image)
    assert np.array_equal(read_image(photograph, (480, 640), True, "rgb"), expected)
    assert np.array_equal(read_image(photograph, None, False, "rgb"), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_reduced_decoding_keeps_the_orientation(tmp_path, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "photo.jpg"
    write_image(path, encode_jpeg(480, 320, exif=exif))
    assert read_image_size(str(path)) == ((480, 320) if orientation < 5 else (320, 480))
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image).resize((30, 60), Image.Resampling.BILINEAR)
    pixels = read_image(str(path), (60, 30), True, "rgb")
    assert np.abs(pixels.astype(int) - np.asarray(expected)).max() <= 4


def test_reduced_decoding_notices_a_cut_file(photograph, tmp_path):
    with open(photograph, "rb") as stream:
        content = stream.read()
    write_image(tmp_path / "cut.jpg", content[: len(content) * 9 // 10])
    with pytest.raises(DamagedImageError, match=r"cut\.jpg is damaged"):
        read_image(str(tmp_path / "cut.jpg"), (48, 64), True, "rgb")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.ones((2, 3), np.float32), "pixels of floating-point numbers"),
        (np.ones((2, 3), np.int32), "pixels of 32 bits"),
    ],
    ids=["floats", "long integers"],
)
def test_pixels_without_a_white_value_are_refused(tmp_path, pixels, message):
    path = tmp_path / "measurement.tif"
    Image.fromarray(pixels).save(path)
    with pytest.raises(UserDataError, match=message) as refused:
        read_image(str(path), (2, 3), False, "grayscale")
    assert not isinstance(refused.value, DamagedImageError)


@pytest.mark.parametrize("order", ["<u2", ">u2"], ids=["little endian", "big endian"])
def test_tiff_with_16_bits_is_scaled(tmp_path, order):
    path = tmp_path / "scan.tif"
    mode = "I;16" if order == "<u2" else "I;16B"
    Image.frombytes(mode, (3, 2), np.full((2, 3), 0x8040, order).tobytes()).save(path)
    assert np.unique(read_image(str(path), (2, 3), False, "grayscale")).tolist() == [0x80]


def test_unreadable_file_is_not_damaged(tmp_path, monkeypatch):
    write_image(tmp_path / "photo.jpg", encode_jpeg(8, 8))

    class FailingStream(io.BytesIO):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("builtins.open", lambda *arguments: FailingStream())
    with pytest.raises(UserDataError, match="cannot be read: Input/output error") as refused:
        read_image(str(tmp_path / "photo.jpg"), None, False, "rgb")
    assert not isinstance(refused.value, DamagedImageError)


def test_tiff_with_many_channels_logs_no_lines(tmp_path, caplog):
    content = io.BytesIO()
    Image.new("RGB", (5, 5)).save(content, "TIFF")
    # The tag of the number of channels: tag 277, type 3, one value.
    tag = b"\x15\x01\x03\x00\x01\x00\x00\x00\x03\x00"
    assert tag in content.getvalue()
    write_image(tmp_path / "scan.tif", content.getvalue().replace(tag, tag[:-2] + b"\x03\x05"))
    with silence_pillow_warnings(), pytest.raises(DamagedImageError):
        read_image(str(tmp_path / "scan.tif"), None, False, "rgb")
    assert caplog.text == ""


def test_damage_with_fax_compression_is_noticed(tmp_path):
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 2, (20, 30)).astype(bool)
    Image.fromarray(pixels).save(stream, "TIFF", compression="group4")
    path, content = tmp_path / "fax.tif", stream.getvalue()
    write_image(path, content)
    with silence_pillow_warnings():
        assert np.array_equal(read_image(str(path), None, False, "grayscale"), 255 * pixels)
        # The data begins at byte 8.
        write_image(path, content[:8] + b"\x02" + content[9:])
        with pytest.raises(DamagedImageError, match="some pixels are missing"):
            read_image(str(path), None, False, "grayscale")


def test_damaged_tiff_writes_no_lines(tmp_path, capfd):
    stream = io.BytesIO()
    Image.new("RGB", (50, 50)).save(stream, "TIFF", compression="tiff_deflate")
    content = bytearray(stream.getvalue())
    content[12:30] = bytes(18)
    write_image(tmp_path / "scan.tif", bytes(content))
    with silence_pillow_warnings(), pytest.raises(DamagedImageError):
        read_image(str(tmp_path / "scan.tif"), None, False, "rgb")
    assert capfd.readouterr() == ("", "")
