"""Any picture of a digit, prepared as the makers of MNIST prepared theirs.

`read` opens the file of a picture, `ink_of` finds the ink in it, `prepared` makes a digit of ink.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_bp.errors import NoFileError, PictureError
from mnist_bp.pictures import ink as inks

if TYPE_CHECKING:
    from PIL.Image import Image

Ink = NDArray[np.float64]

Box = tuple[float, float, float, float]
"""A part of a picture: its left, upper, right and lower edge, in pixels."""

# -- from ink to a digit ---------------------------------------------------------------------------

SIDE = 28
"""Pixels on each side of a digit of MNIST."""

BOX = 20
"""Pixels of the longer side of its ink."""

CENTRE = 14.5
"""Where its centre of mass is, in pixels from the upper left corner, within half a pixel."""


def prepared(ink: Ink) -> NDArray[np.uint8]:
    """Return ink as a digit of MNIST: fitted into 20 x 20, and placed by its centre of mass.

    The bounding box of the ink is scaled, keeping its proportions, until its longer side is 20
    pixels, each pixel the mean of the area that it covers. It is placed in 28 x 28, moved by whole
    pixels, so that its centre of mass is as near as can be to the centre of the pixel [14, 14]:
    that is where MNIST has it, within half a pixel, and prepared digits of MNIST are themselves.
    The darkest pixel becomes full ink.

    Parameters
    ----------
    ink : float array of shape (H, W)
        From 0, paper, to 1; some of it above 0.

    Returns
    -------
    uint8 array of shape (28, 28)
        From 0, paper, to 255.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longer = max(box.shape)
    digit: Ink = _placed(box.sum(axis=1), longer) @ box @ _placed(box.sum(axis=0), longer).T
    levels: Ink = np.rint(255 * digit / digit.max())
    return levels.astype(np.uint8)


def _placed(ink: Ink, longer: int) -> Ink:
    """Return the matrix (28, N) that scales and places one side of a box.

    Parameters
    ----------
    ink : float array of shape (N,)
        How much of it is in each row, or in each column, of the box.
    longer : int
        The pixels of the longer side of the box, which become 20.

    Returns
    -------
    float array of shape (28, N)
        In row i and column j, how much of pixel i the pixel j of the box covers.
    """
    edges = BOX * np.arange(len(ink) + 1) / longer
    middles = (edges[:-1] + edges[1:]) / 2
    start = np.floor(CENTRE - middles @ ink / ink.sum() + 0.5)
    # All of the box stays in the picture, wherever its centre of mass is.
    edges += np.clip(start, 0, np.floor(SIDE - edges[-1]))
    pixels = np.arange(SIDE)[:, np.newaxis]
    overlap: Ink = np.minimum(pixels + 1, edges[1:]) - np.maximum(pixels, edges[:-1])
    return np.maximum(overlap, 0)


# -- from a picture to ink -------------------------------------------------------------------------

OVERVIEW, CLOSE = 400, 100
"""Pixels of the longer side: of a picture in which ink is sought, of a digit whose ink it is."""

MARGIN = 0.3
"""How much of the picture around a digit is looked at with it, as a part of the digit's size."""


def ink_of(picture: "Image") -> Ink:
    """Return the ink in a picture: of its main part, and what is around it.

    The picture is looked at twice: as a whole, to find the digit, and then closely at the digit.

    Parameters
    ----------
    picture : PIL.Image.Image
        Of any mode and size; it is turned as its EXIF data say, and what is transparent is paper.

    Returns
    -------
    float array of shape (H, W)
        From 0, paper, to 1; some of it is above 0.

    Raises
    ------
    PictureError
        There is no ink in it.
    """
    picture = _opaque(picture)
    longer = max(picture.size)
    seen = _look(picture, (0, 0, *picture.size), min(1.0, OVERVIEW / longer))
    narrow, broad = (max(2, round(part * max(seen.shape))) for part in (0.15, 0.2))
    first = inks.find(seen, narrow, beyond=True) or inks.find(seen, broad, beyond=True)
    if first is None:
        raise PictureError("there is no ink in it, or too little of it")
    beyond = not first.at_the_edge
    if not beyond:
        # More of the digit may lie along the edge, where it was taken for the edge of a desk.
        first = inks.find(seen, broad, beyond=False, light=first.light) or first

    ys, xs = (np.flatnonzero(first.ink.any(axis=axis)) for axis in (1, 0))
    scale = np.array(picture.size) / seen.shape[1::-1]
    start, end = np.array([xs[0], ys[0]]) * scale, np.array([xs[-1] + 1, ys[-1] + 1]) * scale
    size = float((end - start).max())
    left, upper = np.maximum(start - MARGIN * size, 0).tolist()
    right, lower = np.minimum(end + MARGIN * size, picture.size).tolist()
    seen = _look(picture, (left, upper, right, lower), min(1.0, CLOSE / size))
    size = min(size, CLOSE)
    box = left / scale[0], upper / scale[1], right / scale[0], lower / scale[1]
    near = _sampled(_image(first.ink), box, seen.shape[1::-1])[..., 0] > 0
    second = inks.find(
        seen,
        max(2, round((0.18 if beyond else 0.3) * size)),
        beyond=beyond,
        light=first.light,
        near=near,
    )
    return np.asarray((second or first).ink, np.float64)


def _look(picture: "Image", box: Box, scale: float) -> inks.Plane:
    """Return a part of a picture as colours (H, W, C), from 0 to 1, each the mean of an area."""
    return _sampled(picture, box, [max(1, round((box[i + 2] - box[i]) * scale)) for i in (0, 1)])


def _sampled(picture: "Image", box: Box, size: Sequence[int]) -> inks.Plane:
    """Return a part of a picture as colours (H, W, C); `size` is W and H."""
    from PIL.Image import Resampling

    width, height = size
    part = np.asarray(picture.resize((width, height), Resampling.BOX, box), np.float32)
    return part.reshape(height, width, -1) / np.float32(255)


def _opaque(picture: "Image") -> "Image":
    """Return a picture the right way up, in colours (RGB) or in levels from 0 to 255 (F)."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        # Nobody knows how many of the levels are used.
        levels = np.nan_to_num(np.asarray(picture, np.float32))
        return _image((levels - levels.min()) / max(float(np.ptp(levels)), 1e-9))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    paper = Image.new("RGBA", picture.size, _paper(picture))
    paper.alpha_composite(picture)
    return paper.convert("RGB")


def _paper(picture: "Image") -> tuple[int, int, int, int]:
    """Return the colour to put behind a picture (RGBA) that is transparent in parts.

    If it has only ink, that is whatever shows the ink; if it has paper too, the paper's colour.
    """
    small = picture.copy()
    small.thumbnail((OVERVIEW, OVERVIEW))
    pixels = np.asarray(small, np.float32)
    colours = pixels[pixels[..., 3] > 127, :3]
    if not len(colours):
        return (255, 255, 255, 255)
    main = np.median(colours, axis=0)
    if (np.abs(colours - main).max(axis=1) > 50).mean() < 0.03:
        main[:] = 255 if main.mean() < 128 else 0
    red, green, blue = main.astype(int).tolist()
    return (red, green, blue, 255)


def _image(plane: inks.Plane) -> "Image":
    from PIL import Image

    return Image.fromarray(255 * plane.astype(np.float32))


# -- from a file to a picture ----------------------------------------------------------------------

MAX_PIXELS = 120_000_000
"""Pixels of the largest picture that is decoded: 12,000 x 10,000, more than cameras make."""

UNSAFE = ("EPS",)
"""Formats that are programs, which Pillow lets another program run."""

NO_FRAMES = ("MPO", "PSD")
"""Formats in which further frames are previews and layers of one picture."""


def read(path: Path) -> "Image":
    """Return the picture in a file, decoded.

    Raises
    ------
    NoFileError
        There is no file at this path.
    PictureError
        The file is no picture, or not one picture of a size that can be decoded.
    """
    from PIL import Image, UnidentifiedImageError

    if not path.exists():
        raise NoFileError("there is no such file")
    if not path.is_file():
        raise NoFileError("it is a folder" if path.is_dir() else "it is no file, but a device")
    Image.init()
    try:
        with warnings.catch_warnings():
            # Pillow warns of pictures that are larger than it likes; the limit here is our own.
            warnings.simplefilter("ignore")
            with Image.open(
                path, formats=[name for name in Image.OPEN if name not in UNSAFE]
            ) as it:
                _check(it)
                it.draft("RGB", (4 * OVERVIEW, 4 * OVERVIEW))
                it.load()
                return it.copy()
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError("it is not a picture, or none that Pillow can open") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"it has more than {MAX_PIXELS:,} pixels: shrink it") from error
    except MemoryError as error:
        raise PictureError("it needs more memory than there is: shrink it") from error
    except Exception as error:  # The file may come from anyone: whatever ails it, it is no use.
        raise PictureError(
            f"it cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error


def _check(picture: "Image") -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"it has {width:,} x {height:,} pixels, more than {MAX_PIXELS:,}: shrink it"
        )
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format not in NO_FRAMES:
        raise PictureError(f"it holds {frames} pictures: save the one that is meant by itself")
