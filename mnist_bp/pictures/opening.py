"""Opens the file of a picture, which may come from anyone, and makes it opaque and upright."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_bp.errors import NoFileError, PictureError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
"""Pixels of the largest picture that is decoded: some formats take 6 bytes for each."""

ENOUGH = 3200
"""Pixels of the longer side that show every digit: a larger picture is reduced."""

SMALL = 400
"""Pixels of the longer side at which the colour of the paper is looked for."""

UNSAFE = ("EPS",)
"""Formats that are programs, which Pillow lets another program run."""

NO_FRAMES = ("MPO", "PSD")
"""Formats in which further frames are previews and layers of one picture."""

ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)
"""The EXIF tag that says how the camera was held, and its values for a picture on its side."""

TURNS = [
    "FLIP_LEFT_RIGHT",
    "ROTATE_180",
    "FLIP_TOP_BOTTOM",
    "TRANSPOSE",
    "ROTATE_270",
    "TRANSVERSE",
    "ROTATE_90",
]
"""What turns a picture upright, for the values of that tag from 2 to 8."""


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
            width, height = picture.size
            orientation = orientation_of(picture)
            if orientation in SIDEWAYS:
                width, height = height, width
            picture.draft("RGB", (ENOUGH // 2, ENOUGH // 2))
            picture.load()
            upright = opaque(picture, orientation)
            upright.info.clear()  # It would be turned again.
            upright.getexif().clear()
            return upright, (width, height)
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
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"it has {width:,} x {height:,} pixels, more than {MAX_PIXELS:,}: shrink it"
        )
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
    from PIL import Image

    reduction = max(1, max(picture.size) // ENOUGH)
    levels = picture.mode.startswith("I") or picture.mode == "F"
    if levels:
        picture = picture.convert("F")
    elif picture.has_transparency_data:
        # A conversion copies, even to the same mode.
        picture = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    elif picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    if reduction > 1:
        picture = picture.reduce(reduction)
    if 2 <= orientation <= 8:
        picture = picture.transpose(Image.Transpose[TURNS[orientation - 2]])
    if levels:
        # How many of the levels are in use is not known.
        plane = np.nan_to_num(np.asarray(picture, np.float32))
        plane = (plane - plane.min()) / max(float(np.ptp(plane)), 1e-9)
        return Image.fromarray(255 * plane)
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, _paper(picture))
    paper.alpha_composite(picture)
    return paper.convert("RGB")


def _paper(picture: "Image") -> tuple[int, int, int, int]:
    """Return the colour to put behind a picture (RGBA) that is transparent in parts.

    If it has only ink, that is whatever shows the ink; if it has paper too, the paper's colour.
    """
    small = picture.copy()
    small.thumbnail((SMALL, SMALL))
    pixels = np.asarray(small, np.float32)
    colours = pixels[pixels[..., 3] > 127, :3]
    if not len(colours):
        return (255, 255, 255, 255)
    main = np.median(colours, axis=0)
    if (np.abs(colours - main).max(axis=1) > 50).mean() < 0.03:
        main[:] = 255 if main.mean() < 128 else 0
    red, green, blue = main.astype(int).tolist()
    return (red, green, blue, 255)
