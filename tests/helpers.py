"""What tests share: files in MNIST's format, and quiet servers."""

import gzip
import os
import struct
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

REAL_MNIST = os.environ.get("MNIST_BP_DATA_DIR")


def write_idx(path, array):
    """Write an array of bytes as an IDX file, gzipped where the name says so."""
    array = np.asarray(array, np.uint8)
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content = header + array.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def draw_digits(count, seed):
    """Return images (count, 28, 28) of ten classes, by where their ink is, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=count)
    images = rng.integers(0, 60, size=(count, 28, 28))
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 5)
        image[4 + 10 * row : 12 + 10 * row, 2 + 5 * column : 7 + 5 * column] += 180
    return images, labels


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Say nothing of clients that hang up: many tests are about that."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
