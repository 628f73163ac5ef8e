"""Arrays from a stranger's `.npz` file: nothing is read before its header has been checked."""

import math
import zipfile
from collections.abc import Container
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnist_bp.errors import WeightsError

ROW = 64
"""Bytes of the largest row of a structured array."""


def check_sizes(archive: zipfile.ZipFile, names: Container[str], most: int) -> None:
    """Refuse an archive in which the arrays of these names unpack to more than `most` bytes.

    Raises
    ------
    WeightsError
        They do, or are packed in a way that takes more memory than their size.
    """
    for member in archive.infolist():
        if member.filename.removesuffix(".npy") in names:
            most -= member.file_size
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise WeightsError(f"has {member.filename} packed in a way that NumPy does not use")
    if most < 0:
        raise WeightsError("unpacks to far more bytes than it has: refused")


def read_array(
    archive: zipfile.ZipFile, name: str, kinds: str, *shape: int, characters: int = 0
) -> NDArray[Any]:
    """Return an array, read only after its header has been checked.

    Parameters
    ----------
    archive : ZipFile
    name : str
    kinds : str
        The kinds that its dtype may have: "f", "iu", "U" or "V".
    *shape : int
        The shape it must have; a negative length is the largest that is allowed.
    characters : int
        The most characters of a text.

    Raises
    ------
    WeightsError
        It is missing, has another type or shape, or is not finite.
    """
    try:
        member = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise WeightsError(f"lacks {name}") from None
    with archive.open(member) as file:
        first = npy.read_magic(file) == (1, 0)
        read_header = npy.read_array_header_1_0 if first else npy.read_array_header_2_0
        found, _, dtype = read_header(file)
        start = file.tell()
    lengths = zip(found, shape, strict=False)
    if len(found) != len(shape) or any(n != m and n > -m for n, m in lengths):
        words = " x ".join(f"{n:,}" if n > 0 else f"at most {-n:,}" for n in shape) or "one value"
        raise WeightsError(f"has {name} of shape {found}, expected {words}")
    most_bytes = {"U": 4 * characters, "V": ROW}.get(dtype.kind, 8)
    if dtype.kind not in kinds or not 0 < dtype.itemsize <= most_bytes:
        raise WeightsError(f"has {name} of type {dtype}")
    if math.prod(found) * dtype.itemsize != member.file_size - start:
        raise WeightsError(f"has {name} in {member.file_size:,} bytes, which is not its size")
    with archive.open(member) as file:
        array = npy.read_array(file, allow_pickle=False)
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise WeightsError(f"has numbers in {name} that are not finite")
    return array
