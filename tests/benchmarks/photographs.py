"""Measure how fast a directory of photographs is read, in turn with a `tf.data` pipeline.

The pipeline decodes each JPEG with `tf.io.decode_jpeg`, and resizes the image. The photographs are random, written once
into a temporary directory. The last figure is a second reading, from the cache of decoded images.
"""

import argparse
import io
import os
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from dnn_cli.formats import image_decoding
from dnn_cli.formats.image_directory import read_images
from dnn_cli.formats.reader_options import ImageOptions
from dnn_cli.host.resources import count_available_cores

SIZE = (96, 128)
HEIGHT, WIDTH = 1200, 1600
CLASSES = ("cat", "dog")


def write_photographs(directory: Path, count: int) -> None:
    """Write random photographs of two classes: smooth colours, with the noise of a camera."""
    noise = np.random.default_rng(0).normal(0, 6, (HEIGHT, WIDTH, 1)).astype(np.float32)

    def write_photograph(number: int) -> None:
        random = np.random.default_rng(number)
        colours = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8))
        smooth = np.asarray(colours.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32)
        pixels = np.clip(smooth + np.roll(noise, random.integers(WIDTH), axis=1), 0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=85)
        (directory / CLASSES[number % 2] / f"{number:05}.jpg").write_bytes(stream.getvalue())

    for name in CLASSES:
        (directory / name).mkdir()
    with ThreadPoolExecutor(count_available_cores()) as pool:
        list(pool.map(write_photograph, range(count)))


def read_with_tf_data(directory: Path) -> None:
    """Read all photographs with `tf.data`, as `keras.utils.image_dataset_from_directory` does."""
    import tensorflow as tf

    def read_image(path: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), SIZE), tf.uint8)

    paths = sorted(map(str, directory.glob("*/*.jpg")))
    dataset = tf.data.Dataset.from_tensor_slices(paths).map(read_image, tf.data.AUTOTUNE).batch(64)
    np.concatenate(list(dataset.prefetch(1).as_numpy_iterator()))


def measure_seconds(directory: Path, rounds: int, *, has_cache: bool) -> float:
    """Return the median seconds of readings by `dnn`, with or without the cache."""
    image_decoding.MIN_CACHED_SECONDS = 0.0 if has_cache else float("inf")
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        np.sum(read_images(str(directory), ImageOptions(SIZE)).inputs[:, 0])
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--count", type=int, default=2000, help="number of photographs (default: 2000)")
    parser.add_argument("--rounds", type=int, default=3, help="number of readings in turn (default: 3)")


def run(options: argparse.Namespace) -> int:
    """Measure the readings and print a table."""
    with tempfile.TemporaryDirectory() as temporary:
        directory, cache = Path(temporary) / "photographs", Path(temporary) / "cache"
        os.environ["XDG_CACHE_HOME"] = str(cache)
        directory.mkdir()
        write_photographs(directory, options.count)
        megabytes = sum(path.stat().st_size for path in directory.glob("*/*.jpg")) / 1e6
        print(f"{options.count:,} photographs of {HEIGHT:,} × {WIDTH:,}, {megabytes:,.0f} MB, to {SIZE}", flush=True)
        own, memory, theirs = [], 0.0, []
        for _ in range(options.rounds):
            own.append(measure_seconds(directory, 1, has_cache=False))
            # TensorFlow, which is imported later, needs more memory.
            memory = memory or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            start = time.perf_counter()
            read_with_tf_data(directory)
            theirs.append(time.perf_counter() - start)
        # The first reading writes the cache.
        measure_seconds(directory, 1, has_cache=True)
        cached = measure_seconds(directory, options.rounds, has_cache=True)
    print("| | seconds | images a second |\n|---|---|---|")
    for name, seconds in (("dnn", median(own)), ("tf.data", median(theirs)), ("dnn, from the cache", cached)):
        print(f"| {name} | {seconds:.2f} | {options.count / seconds:,.0f} |")
    print(f"\nThe speed is {median(theirs) / median(own):.2f} × that of tf.data; peak memory of dnn {memory:,.0f} MB.")
    return 0
