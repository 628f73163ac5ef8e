"""IDX, the file format of MNIST: a magic number, the dimensions, then the bytes of the array."""

import gzip
import hashlib
import math
import os
import struct
import zlib
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnist_bp.errors import DataError

UNSIGNED_BYTE = 0x08


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array of bytes that an IDX file holds.

    The format is described on the MNIST page (LeCun, Cortes, Burges): two zero bytes, the type of
    the entries (8: unsigned byte), the number of dimensions, the dimensions as big-endian 32-bit
    integers, and the entries in C order.

    Parameters
    ----------
    path : Path
        The file; it is unzipped on the way where its name ends in `.gz`.
    dimensions : int
        How many the array must have: 3 for images, 1 for labels.

    Returns
    -------
    uint8 array

    Raises
    ------
    DataError
        The file cannot be read, or is not such an IDX file to the last byte.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            magic = file.read(4)
            expected = bytes([0, 0, UNSIGNED_BYTE, dimensions])
            if magic != expected:
                raise DataError(
                    f"{path} is not the IDX file expected here: it begins with {magic.hex(' ')}, "
                    f"expected {expected.hex(' ')} (unsigned bytes, {dimensions} dimensions)"
                )
            header = file.read(4 * dimensions)
            if len(header) < 4 * dimensions:
                raise DataError(f"{path} ends within its header")
            shape = struct.unpack(f">{dimensions}I", header)
            size = math.prod(shape)
            content = _read(file, size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error

    if len(content) < size:
        raise DataError(
            f"{path} is cut short: its header says {_times(shape)} bytes, {len(content):,} follow"
        )
    if len(content) > size:
        raise DataError(f"{path} goes on after the {_times(shape)} bytes that its header says")
    return content.reshape(shape)


def write_idx(file: BinaryIO, array: NDArray[np.uint8]) -> None:
    """Write an array to an open file, in the same format."""
    file.write(_header(array))
    file.write(np.ascontiguousarray(array).data)


def digest(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256, in hexadecimal, of the unzipped IDX file that holds this array."""
    content = hashlib.sha256(_header(array))
    content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()


def _read(file: gzip.GzipFile | BufferedReader, most: int) -> NDArray[np.uint8]:
    """Return the bytes that follow in a file, `most` at the most."""
    if isinstance(file, gzip.GzipFile):
        # In pieces: what a header claims may fit no memory, and the file be short.
        content = bytearray()
        while len(content) < most and (chunk := file.read(2**20)):
            content += chunk
        return np.frombuffer(content, np.uint8)
    left = os.fstat(file.fileno()).st_size - file.tell()
    return np.fromfile(file, np.uint8, min(most, left))


def _header(array: NDArray[np.uint8]) -> bytes:
    magic = bytes([0, 0, UNSIGNED_BYTE, array.ndim])
    return magic + struct.pack(f">{array.ndim}I", *array.shape)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
