"""Images and bytes of images that tests write."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

GREY = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
COLOUR = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14


def write_image(path, image):
    """Write an array as an image, a Pillow image, or bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image, bytes):
        path.write_bytes(image)
    else:
        (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path)


def encode_png(image, **arguments):
    """Return the bytes of a PNG."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", **arguments)
    return stream.getvalue()


def build_png_bomb(height, width):
    """Return a small PNG whose header declares many pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def encode_jpeg(height, width, seed=0, **arguments):
    """Return the bytes of a JPEG with smooth random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC).save(stream, "JPEG", **arguments)
    return stream.getvalue()


def write_images(directory, images):
    """Write images by relative path below a directory, and return the path of the directory."""
    for file, image in images.items():
        write_image(directory / file, image)
    return str(directory)
