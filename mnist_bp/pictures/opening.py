"""Opens the file of a picture, which may come from anyone, and makes it opaque and upright."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_bp.errors import NoFileError, PictureError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS, MAX_SIDE, MAX_BYTES = 50_000_000, 100_000, 200_000_000
"""Pixels of the largest picture that is decoded, and about the memory that decoding takes."""

COPIES = {"PNG": 1, "JPEG": 1, "MPO": 1, "GIF": 1, "BMP": 1, "TIFF": 2}
"""How many times a decoder holds a picture of these formats; 4 times in most of the others."""

ENOUGH = 3200
"""Pixels of the longer side that show every digit: a larger picture is reduced."""

SMALL = 400
"""Pixels of the longer side at which the colour of the paper is looked for."""

UNSAFE = "EPS", "BLP", "ICNS", "IPTC"
"""A program, which Pillow lets another program run, and files with a picture of unknown size."""

NO_FRAMES = ("MPO", "PSD")
"""Formats in which further frames are previews and layers of one picture."""

ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)
"""The EXIF tag that says how the camera was held, and its values for a picture on its side."""


def open_picture(path: Path) -> tuple["Image", tuple[int, int]]:
    """Return the picture in a file, upright and opaque, and its width and height in the file.

    A large picture is reduced. What libraries print about damaged files is not shown.

    Raises
    ------
    NoFileError
        There is no file at this path.
    PictureError
        The file is not a picture, or not one picture of a size that can be decoded.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        NoFileError.check(path)
        Image.init()
        formats = [name for name in Image.OPEN if name not in UNSAFE]
        with _silence(), Image.open(path, formats=formats) as picture:
            _check(picture)
            orientation = orientation_of(picture)
            size = picture.size[::-1] if orientation in SIDEWAYS else picture.size
            picture.draft("RGB", (ENOUGH // 2, ENOUGH // 2))
            picture.load()
            reduced = _reduced(picture)
        # What was decoded leaves the memory before there are more copies.
        del picture
        return opaque(reduced, orientation), size
    except (PictureError, NoFileError):
        raise
    except UnidentifiedImageError as error:
        raise PictureError("it is not a picture, or none that Pillow can open") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"it has more than {MAX_PIXELS:,} pixels: shrink it") from error
    except MemoryError as error:
        raise PictureError("it needs more memory than there is: shrink it") from error
    except Exception as error:  # The file may come from anyone, and decoders raise anything.
        reason = getattr(error, "strerror", None) or error
        raise PictureError(f"it cannot be read: {reason}") from error


def _check(picture: "Image") -> None:
    width, height = picture.size
    copies = 2 if picture.info.get("progressive") else COPIES.get(picture.format or "", 4)
    most = min(MAX_PIXELS, MAX_BYTES // (copies * (1 if picture.mode in ("1", "L", "P") else 4)))
    if width * height > most or max(width, height) > MAX_SIDE:
        limit = f"{most:,} in all or {MAX_SIDE:,} a side"
        raise PictureError(f"it has {width:,} x {height:,} pixels, more than {limit}: shrink it")
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format not in NO_FRAMES:
        raise PictureError(f"it holds {frames} pictures: save the one that is meant by itself")


@contextmanager
def _silence() -> Iterator[None]:
    """Drop Python's warnings, and what C libraries such as libtiff write to stderr themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            stderr = os.dup(2)
        except OSError:  # It is closed.
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            os.close(nowhere)


def orientation_of(picture: "Image") -> int:
    """Return how the camera was held, as EXIF counts it; 1, upright, where the data are damaged."""
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow raises anything, from SyntaxError to struct.error.
        return 1


def opaque(picture: "Image", orientation: int = 1) -> "Image":
    """Return a picture the right way up, in colours (RGB) or in levels from 0 to 255 (F)."""
    from PIL import Image, ImageOps

    picture = _reduced(picture)
    picture.getexif()[ORIENTATION] = orientation
    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "F":
        # How many of the levels are in use is not known.
        plane = np.nan_to_num(np.asarray(picture))
        plane = (plane - plane.min()) / max(float(np.ptp(plane)), 1e-9)
        return Image.fromarray(255 * plane)
    if picture.mode == "RGBA":
        paper = Image.new("RGBA", picture.size, _paper(picture))
        paper.alpha_composite(picture)
        return paper.convert("RGB")
    return picture


def _reduced(picture: "Image") -> "Image":
    """Return a picture as RGB, RGBA or F, of at most `ENOUGH` pixels a side; part by part."""
    from PIL import Image

    width, height = picture.size
    factor = -(-max(picture.size) // ENOUGH)
    side = factor * -(-1000 // factor)
    mode = "F" if picture.mode[0] in "IF" else "RGBA" if picture.has_transparency_data else "RGB"
    result = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for left, top in product(range(0, width, side), range(0, height, side)):
        part = picture.crop((left, top, min(left + side, width), min(top + side, height)))
        result.paste(part.convert(mode).reduce(factor), (left // factor, top // factor))
    return result


def _paper(picture: "Image") -> tuple[int, int, int, int]:
    """Return the colour to put behind a picture (RGBA) that is transparent in parts.

    If it has only ink, that is whatever shows the ink; if it has paper too, the paper's colour.
    """
    pixels = np.asarray(picture.reduce(max(1, max(picture.size) // SMALL)), np.float32)
    colours = pixels[pixels[..., 3] > 127, :3]
    if not len(colours):
        return (255, 255, 255, 255)
    main = np.median(colours, axis=0)
    if (np.abs(colours - main).max(axis=1) > 50).mean() < 0.03:
        main[:] = 255 if main.mean() < 128 else 0
    red, green, blue = main.astype(int).tolist()
    return (red, green, blue, 255)
