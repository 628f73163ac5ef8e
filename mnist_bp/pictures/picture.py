"""Any picture of a digit, to_mnist as the makers of MNIST to_mnist theirs.

`read` opens the file of a picture, `ink_of` finds the ink in it, `to_mnist` makes a digit of ink.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_bp.errors import NoFileError, PictureError
from mnist_bp.pictures import ink as inks
from mnist_bp.pictures import shapes

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


def to_mnist(ink: Ink) -> NDArray[np.uint8]:
    """Return ink as a digit of MNIST: fitted into 20 x 20, and placed by its centre of mass.

    The bounding box of the ink is scaled, keeping its proportions, until its longer side is 20
    pixels, each pixel the mean of the area that it covers. It is placed in 28 x 28, moved by whole
    pixels, so that its centre of mass is as near as can be to the centre of the pixel [14, 14]:
    that is where MNIST has it, within half a pixel, and to_mnist digits of MNIST are themselves.
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

LOWEST, ENLARGED = 24, 8
"""A picture with fewer pixels on its longer side is enlarged so many times."""

MARGIN = 0.3
"""How much of the picture around a digit is looked at with it, as a part of the digit's size."""


@dataclass(frozen=True, eq=False)
class PictureDigits:
    """The digits that are found in a picture, K of them, in reading order.

    Attributes
    ----------
    images : uint8 array of shape (K, 28, 28)
        As MNIST has them: from 0, paper, to 255.
    boxes : int array of shape (K, 4)
        The left, top, right and bottom edge of each, in pixels of the picture.
    rows : int array of shape (K,)
        The row that each is in, from 0.
    touching : bool array of shape (K,)
        Whether it is so wide that it may be several digits that touch.
    """

    images: NDArray[np.uint8]
    boxes: NDArray[np.intp]
    rows: NDArray[np.intp]
    touching: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many digits there are."""
        return len(self.images)

    def __repr__(self) -> str:
        """Return what it is."""
        rows = self.rows.max(initial=-1) + 1
        return f"PictureDigits({len(self)} in {rows} row{'s' * (rows != 1)})"


def find_digits(picture: "Image", count: int | None = None) -> PictureDigits:
    """Return the digits in a picture.

    The picture is looked at twice: as a whole, to find the digits, and then closely at each.

    Parameters
    ----------
    picture : PIL.Image.Image
        Of any mode and size; it is turned as its EXIF data say, and what is transparent is paper.
    count : int, optional
        How many digits there are. If fewer shapes are found, the widest are cut.

    Raises
    ------
    PictureError
        There is no ink in it.
    """
    picture = _opaque(picture)
    size = np.array(picture.size)
    if size.max() < LOWEST:
        picture = _enlarged(picture)
    seen = _look(picture, (0, 0, *picture.size), min(1.0, OVERVIEW / max(picture.size)))
    found, beyond = _overview(inks.grey_of(seen))
    scale = np.tile(np.array(picture.size) / seen.shape[1::-1], 2)
    shrunk = np.tile(size / picture.size, 2)
    images, boxes, rows, touching = [], [], [], []
    for shape in shapes.shapes_of(found.pieces, count):
        ink, box = _close(picture, found, shape, scale, beyond)
        parts = shapes.cut(ink, shape.count) if shape.count > 1 else [ink]
        wide = shape.size[0] > shapes.WIDE * shape.size[1] and not count
        for part in parts:
            images.append(to_mnist(part if part.any() else ink))
            left, top, right, bottom = _bounds(part if part.any() else ink)
            inner = np.array([left, top, right, bottom]) / np.tile(ink.shape[::-1], 2)
            start, extent = box[:2], box[2:] - box[:2]
            boxes.append(np.rint((np.tile(start, 2) + inner * np.tile(extent, 2)) * shrunk))
            rows.append(shape.row)
            touching.append(wide)
    return PictureDigits(
        np.stack(images), np.stack(boxes).astype(int), np.array(rows), np.array(touching)
    )


def _bounds(ink: Ink) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom edge of what is not paper."""
    ys, xs = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1


def _close(
    picture: "Image", found: inks.Found, shape: shapes.Shape, scale: Ink, beyond: bool
) -> tuple[Ink, Ink]:
    """Return the ink of a shape, looked at closely, and the part of the picture that it is in.

    `scale` is how many pixels of the picture one of the overview is.
    """
    mask = shape.mask(found.pieces)
    whole = np.array([*picture.size] * 2)
    outline = shape.box * scale
    size = float((outline[2:] - outline[:2]).max())
    box = np.clip(outline + MARGIN * size * np.array([-1, -1, 1, 1]), 0, whole)
    seen = _look(picture, tuple(box.tolist()), min(1.0, CLOSE / size))
    near = _sampled(_image(mask), tuple((box / scale).tolist()), seen.shape[1::-1])[..., 0] > 0
    size = min(size, CLOSE)
    second = inks.find(
        inks.grey_of(seen),
        max(2, round((0.18 if beyond else 0.2) * size)),
        beyond=beyond,
        light=found.light,
        near=near,
    )
    if second is None:
        return np.asarray(found.ink * mask, np.float64), whole * [0, 0, 1, 1]
    return np.asarray(second.ink, np.float64), box


def _overview(grey: inks.Plane) -> tuple[inks.Found, bool]:
    """Return the ink in a whole picture, and whether what is at the edge goes on beyond it."""
    narrow, broad = (max(2, round(part * max(grey.shape))) for part in (0.15, 0.2))
    sheet = inks.is_sheet(grey)
    if not sheet and float(np.ptp(_border(grey))) > 0.5 * float(np.ptp(grey)):
        cropped = inks.find(grey, broad, light=inks.is_light(grey, border=True), beyond=False)
        if cropped and cropped.fills:
            return cropped, False
    light = inks.is_light(grey) and not sheet
    for way in (light, not light):
        for reach in (narrow, broad):
            found = inks.find(grey, reach, light=way, beyond=True)
            if found and found.sides:
                # More of the digit may lie along the edge, where it was taken for a desk's edge.
                return inks.find(grey, broad, light=way, beyond=False) or found, False
            if found:
                return found, True
    raise PictureError("there is no ink in it, or too little of it")


def _enlarged(picture: "Image") -> "Image":
    """Return a picture of a few pixels with more of them, for ink has an edge."""
    from PIL.Image import Resampling

    return picture.resize(
        (ENLARGED * picture.width, ENLARGED * picture.height), Resampling.BICUBIC
    )


def _border(grey: inks.Plane) -> inks.Plane:
    return np.concatenate([*grey[[0, -1]], *grey.T[[0, -1]]])


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
