"""IDX, the file format of MNIST: a magic number, the dimensions, then the bytes of the array."""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnist_bp.errors import DataError

UNSIGNED_BYTE = 0x08
PIECE = 2**20

LARGEST = 200_000_000
"""Bytes that a file of digits may hold: more than four times as many as MNIST's largest."""


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array of bytes that an IDX file holds.

    The format is described on the MNIST page (LeCun, Cortes, Burges): two zero bytes, the type of
    the entries (8: unsigned byte), the number of dimensions, the dimensions as big-endian 32-bit
    integers, and the entries in C order.

    Parameters
    ----------
    path : Path
        The file; it is unpacked while it is read if its name ends in `.gz`.
    dimensions : int
        The number of dimensions that the array must have: 3 for images, 1 for labels.

    Returns
    -------
    uint8 array

    Raises
    ------
    DataError
        The file cannot be read, or is not exactly such an IDX file, or is too large. No more is
        read than its header announces.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            shape = _read_shape(path, file, dimensions)
            size = math.prod(shape)
            # Nothing unpacks to more than 1,032 times its size. A byte more shows what goes on.
            content = np.empty(min(size, 1032 * path.stat().st_size) + 1, np.uint8)
            filled = 0
            while count := file.readinto(content[filled : filled + PIECE].data):
                filled += count
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    announced = f"the {_times(shape)} bytes that its header announces"
    if filled < size:
        raise DataError(f"{path} is cut short: {filled:,} of {announced}")
    if filled > size:
        raise DataError(f"{path} goes on after {announced}")
    return content[:size].reshape(shape)


def _read_shape(path: Path, file: BinaryIO | gzip.GzipFile, dimensions: int) -> tuple[int, ...]:
    magic, expected = file.read(4), bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if magic != expected:
        raise DataError(
            f"{path} is not the IDX file expected here: it begins with {magic.hex(' ')}, "
            f"expected {expected.hex(' ')} (unsigned bytes, {dimensions} dimensions)"
        )
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise DataError(f"{path} ends within its header")
    shape = struct.unpack(f">{dimensions}I", header)
    # A dimension of 0 counts as 1 here: it would hide others that are too large for any array.
    if math.prod(max(1, length) for length in shape) > LARGEST:
        raise DataError(
            f"{path} is too large: its header announces {_times(shape)} bytes, "
            f"expected at most {LARGEST:,}"
        )
    return shape


def write_idx(file: BinaryIO, array: NDArray[np.uint8]) -> None:
    """Write an array to an open file, in the same format."""
    file.write(_header(array))
    file.write(np.ascontiguousarray(array).data)


def digest(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256, in hexadecimal, of the uncompressed IDX file that holds an array."""
    content = hashlib.sha256(_header(array))
    content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()


def _header(array: NDArray[np.uint8]) -> bytes:
    magic = bytes([0, 0, UNSIGNED_BYTE, array.ndim])
    return magic + struct.pack(f">{array.ndim}I", *array.shape)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{length:,}" for length in shape)
