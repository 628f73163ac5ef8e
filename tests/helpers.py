"""What tests share: files in MNIST's format, quiet servers, terminals, and comparisons."""

import gzip
import os
import struct
import subprocess
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

REAL_MNIST = os.environ.get("MNIST_BP_DATA_DIR")

SHORT = ("--epochs", 2, "--hidden", 8, "--lr", 0.5)
"""The flags of a run that takes no time."""

ESCAPE = "\x1b"

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


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


def in_terminal(*arguments, cwd, columns=100, status=0, **environment):
    """Run the command with both streams on a terminal; return what it showed."""
    import pty

    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", str(columns), "rows", "40"], stdin=theirs, check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", *map(str, arguments)],
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=os.environ | {"TERM": "xterm-256color"} | environment,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # Linux says so when the other end is closed.
        pass
    os.close(ours)
    assert process.wait(60) == status, shown.decode()
    return shown.decode()


def assert_same(first, second):
    """Two checkpoints hold the same run, to the bit; only the clock may differ."""
    with np.load(first) as a, np.load(second) as b:
        assert a.files == b.files
        for name in a.files:
            if name == "history":
                for column in ("epoch", "loss", "train_accuracy", "test_accuracy"):
                    assert a[name][column].tobytes() == b[name][column].tobytes()
            else:
                assert a[name].tobytes() == b[name].tobytes(), name


def four_arrays(hidden=3, value=1.0, dtype=np.float64):
    """Return the parameters of a net, all of one value."""
    shapes = {"W1": (784, hidden), "b1": (hidden,), "W2": (hidden, 10), "b2": (10,)}
    return {name: np.full(shape, value, dtype) for name, shape in shapes.items()}


def change_arrays(path, **changes):
    """Replace arrays of an npz file; None removes one."""
    with np.load(path) as archive:
        arrays = dict(archive) | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
