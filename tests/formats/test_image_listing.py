import os

import numpy as np
import pytest
from PIL import Image

from dnn_cli.errors import UserDataError
from dnn_cli.formats import image_listing
from dnn_cli.formats.image_directory import inspect_images, read_images
from dnn_cli.formats.reader_options import ImageOptions
from tests.helpers.image_files import GREY, write_images

SMOOTH = Image.new("RGB", (8, 8), (120, 120, 120))


def list_messages(directory, **options):
    """Return the remarks of a directory as texts, without those about grey images."""
    options = ImageOptions(color_mode="rgb", **options)
    return [str(remark) for remark in inspect_images(directory, options).remarks]


@pytest.mark.parametrize("suffix", ["tif", "tiff", "TIF", "jfif", "avif"])
def test_added_formats_are_read(tmp_path, suffix):
    if suffix == "avif" and not image_listing.has_avif_decoder():
        pytest.skip("Pillow has no decoder of AVIF")
    path = write_images(tmp_path, {"a/1.png": SMOOTH})
    (tmp_path / "b").mkdir()
    SMOOTH.save(tmp_path / "b" / f"1.{suffix}", {"jfif": "JPEG", "avif": "AVIF"}.get(suffix, "TIFF"))
    assert np.abs(read_images(path, ImageOptions()).inputs.astype(int) - 120).max() <= 2
    with pytest.raises(UserDataError, match=rf"b contains no images: 1 file ends in .{suffix.lower()}, which is"):
        inspect_images(path, ImageOptions(rules=1))


def test_first_rules_leave_added_formats_out(tmp_path):
    path = write_images(tmp_path, {"a/1.png": GREY, "b/1.png": GREY, "b/2.tif": GREY})
    assert inspect_images(path, ImageOptions(rules=1)).examples == 2
    assert list_messages(path, rules=1) == [f"{tmp_path.name}: 1 file ends in .tif, which is not read"]
    assert len(read_images(path, ImageOptions(rules=1)).inputs) == 2
    assert inspect_images(path, ImageOptions()).examples == 3


def test_unread_files_are_counted_by_suffix(tmp_path):
    others = {f"a/{number}.{suffix}": b"x" for number in range(5) for suffix in ("heic", "tga", "HEIC")}
    path = write_images(tmp_path, {"a/1.png": GREY, "b/1.png": GREY, **others})
    assert list_messages(path) == [f"{tmp_path.name}: 15 files end in .heic or .tga, which are not read"]
    write_images(tmp_path, {"labels.csv": b"x", "b/README": b"x"})
    assert list_messages(path) == [
        f"{tmp_path.name}: 16 files end in .csv, .heic or .tga, which are not read",
        f"{tmp_path.name}: 1 file without a suffix is not read",
    ]


def test_many_unread_suffixes_are_abbreviated(tmp_path):
    others = {f"a/1.{suffix}": b"x" for suffix in ("a1", "b1", "c1", "d1", "e1", "f1", "g1")}
    path = write_images(tmp_path, {"a/1.png": GREY, "b/1.png": GREY, **others})
    (message,) = list_messages(path)
    assert message.endswith("7 files end in .a1, .b1, .c1, .d1, .e1 or others, which are not read")


def test_class_with_only_unread_files_is_refused_with_their_count(tmp_path):
    path = write_images(tmp_path, {"a/1.png": GREY, **{f"b/{number}.heic": b"x" for number in range(15)}})
    with pytest.raises(UserDataError) as refused:
        inspect_images(path, ImageOptions())
    assert refused.value.message == f"{path}/b contains no images: 15 files end in .heic, which are not read"


def test_files_of_systems_are_ignored(tmp_path):
    names = ("Thumbs.db", "desktop.ini", ".DS_Store", "._1.png", ".hidden.png")
    others = {f"{parent}{name}": b"x" for parent in ("", "a/") for name in names}
    others |= {f"a/{name}/x.png": GREY for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir")}
    others |= {"__MACOSX/a/._1.png": b"x", ".ipynb_checkpoints/1.png": GREY}
    path = write_images(tmp_path, {"a/1.png": GREY, "b/1.png": GREY, **others})
    contents = inspect_images(path, ImageOptions(color_mode="rgb"))
    assert (contents.examples, contents.classes, contents.remarks) == (2, ("a", "b"), ())


def test_images_outside_the_classes_are_named(tmp_path):
    path = write_images(tmp_path, {"a/1.png": GREY, "b/1.png": GREY, "cover.png": GREY})
    assert list_messages(path) == [f"{tmp_path.name}: 1 image is not in the directory of a class, and not read"]


def test_directory_with_a_dot_in_its_name_is_refused(tmp_path):
    path = write_images(tmp_path, {"a/1.png": GREY, "b/1.png": GREY, "a/v1.0/2.png": GREY})
    with pytest.raises(UserDataError, match=r"contains the directory v1\.0"):
        inspect_images(path, ImageOptions())
    assert inspect_images(path, ImageOptions(rules=1)).examples == 2


def test_links_are_followed(tmp_path):
    path = write_images(tmp_path / "photos", {"a/1.png": GREY})
    write_images(tmp_path / "elsewhere", {"1.png": GREY, "2.png": GREY})
    os.symlink(tmp_path / "elsewhere", tmp_path / "photos" / "b")
    assert inspect_images(path, ImageOptions()).examples == 3
