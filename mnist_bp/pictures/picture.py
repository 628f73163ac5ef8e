"""The digits in any picture, in the form of MNIST.

A picture is looked at twice: as a whole, to find the digits, and then closely at each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_bp.errors import PictureError
from mnist_bp.pictures import ink as inks
from mnist_bp.pictures import shapes
from mnist_bp.pictures.form import Ink, thinned, to_mnist
from mnist_bp.pictures.morphology import Plane, spread
from mnist_bp.pictures.opening import opaque, open_picture, orientation_of
from mnist_bp.pictures.paper import (
    border_of,
    brightness,
    grey_of,
    is_light,
    is_on_black,
    is_sheet,
)
from mnist_bp.pictures.rules import without_rules

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]
"""A part of a picture: its left, upper, right and lower edge, in pixels."""

Score = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
"""Returns the probabilities (N, 10) of digits (N, 28, 28)."""

OVERVIEW, CLOSE = 400, 100
"""Pixels of the longer side: of a picture in which ink is sought, of a digit whose ink it is."""

MOST_JUDGED = 4
"""Digits in one piece of ink that are cut by how probable they are: more would take long."""

TEMPERATURE = 4
"""By this the net's logits are divided when parts of ink are compared."""

RULED = 1200
"""Pixels of the longer side of a picture whose rules are taken out."""

LOWEST, ENLARGED = 128, 200
"""A picture with fewer pixels than this on its longer side is enlarged to so many, at least: in a
small one there are as many pixels on the edges of ink as there are of paper."""

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
        return f"PictureDigits({len(self)} in {rows} row{'' if rows == 1 else 's'})"


def read_picture(
    path: Path | str, count: int | None = None, score: Score | None = None
) -> PictureDigits:
    """Return the digits in the file of a picture.

    Parameters
    ----------
    path : path
        A picture of any kind and size: dark on light or light on dark, drawn or photographed.
    count : int, optional
        How many digits there are: digits that touch are cut then.
    score : callable, optional
        Returns the probabilities (N, 10) of images (N, 28, 28), such as a net's. With it, digits
        that touch are cut so that the parts are probable; else where least ink is lost.

    Raises
    ------
    NoFileError
        There is no file at this path.
    PictureError
        The file is not a picture, cannot be read, or shows no ink.
    """
    picture, size = open_picture(Path(path))
    try:
        return find_digits(picture, count, size, score)
    except MemoryError as error:
        raise PictureError("it needs more memory than there is: shrink it") from error


def find_digits(
    picture: "Image",
    count: int | None = None,
    size: tuple[int, int] | None = None,
    score: Score | None = None,
) -> PictureDigits:
    """Return the digits in a picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        Of any mode and size; it is turned as its EXIF data say, and what is transparent is paper.
    count : int, optional
        How many digits there are. If fewer shapes are found, the widest are cut.
    size : (int, int), optional
        Width and height in whose pixels boxes are measured, if not those of this picture.
    score : callable, optional
        As in `read_picture`.

    Raises
    ------
    PictureError
        There is no ink in it.
    """
    picture = opaque(picture, orientation_of(picture))
    size = size or picture.size
    if max(picture.size) < LOWEST:
        picture = _enlarged(picture)
    picture, grey = _plain(picture)
    found, beyond = _overview(grey)
    scale = np.tile(np.array(picture.size) / grey.shape[::-1], 2)
    shrunk = np.tile(np.array(size) / picture.size, 2)
    images, boxes, rows, touching = [], [], [], []
    for shape in shapes.shapes_of(found.pieces, count):
        ink, box = _trimmed(*_close(picture, found, shape, scale, beyond))
        several = not count and shapes.seem_to_touch(ink)
        for part in _cut(ink, shape.count, score):
            images.append(thinned(to_mnist(part)))
            boxes.append(np.rint(_trimmed(part, box)[1] * shrunk))
            rows.append(shape.row)
            touching.append(several)
    return PictureDigits(
        np.stack(images), np.stack(boxes).astype(int), np.array(rows), np.array(touching)
    )


def _cut(ink: Ink, count: int, score: Score | None) -> list[Ink]:
    """Return ink in so many parts, cut so that they are probable, or where least ink is lost."""
    if score and 1 < count <= MOST_JUDGED:
        parts = shapes.best_cut(ink, count, lambda parts: _likely(parts, score))
    else:
        parts = shapes.cut(ink, count)
    return [part if part.any() else ink for part in parts]


def _likely(parts: list[Ink], score: Score) -> NDArray[np.floating]:
    """Return the logarithm of the probability of each part's best digit, at a high temperature.

    A net is too certain of parts that are not digits for its own probabilities to rank them.
    """
    softened = score(np.stack([thinned(to_mnist(part)) for part in parts])) ** (1 / TEMPERATURE)
    return np.asarray(np.log(softened.max(axis=1) / softened.sum(axis=1)))


def _trimmed(ink: Ink, box: Ink) -> tuple[Ink, Ink]:
    """Return ink without the paper around it; `box`, where it is in the picture, is trimmed too."""
    ys, xs = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    edges = np.array([[xs[0], ys[0]], [xs[-1] + 1, ys[-1] + 1]]) / ink.shape[::-1]
    inner = ink[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    return inner, (box[:2] + edges * (box[2:] - box[:2])).ravel()


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
    place = tuple((box / scale).tolist())
    near = _sampled(_image(mask.astype(np.float32)), place, seen.shape[1::-1])[..., 0] > 0
    reach = max(2, round((0.18 if beyond else 0.2) * min(size, CLOSE)))
    # The window must not fit into the ink; narrow gaps in it may be grey, and count as ink.
    gap = reach // 3
    filled = np.pad(spread(spread(near, gap, np.maximum), gap, np.minimum), 1)
    while spread(filled, reach, np.minimum).any():
        reach += reach // 4 + 1
    second = inks.find(grey_of(seen), reach, beyond=beyond, light=found.light, near=near)
    if second is None:
        return np.asarray(found.ink * mask, np.float64), whole * [0, 0, 1, 1]
    return np.asarray(second.ink, np.float64), box


def _overview(grey: Plane) -> tuple[inks.Found, bool]:
    """Return the ink in a whole picture, and whether what is at the edge goes on beyond it."""
    narrow, broad = (max(2, round(part * max(grey.shape))) for part in (0.15, 0.2))
    sheet = is_sheet(grey)
    light = is_light(grey) and not sheet
    if not sheet and float(np.ptp(border_of(grey))) > 0.5 * float(np.ptp(grey)):
        cropped = inks.find(grey, broad, light=is_light(grey, border=True), beyond=False)
        if cropped and cropped.fills:
            return cropped, False
    for way in (light, not light):
        for reach in (narrow, broad):
            found = inks.find(grey, reach, light=way, beyond=True)
            if found:
                return found, True
    raise PictureError("there is no ink in it, or too little of it")


def _enlarged(picture: "Image") -> "Image":
    """Return a picture of a few pixels with more of them."""
    from PIL.Image import Resampling

    times = -(-ENLARGED // max(picture.size))
    return picture.resize((times * picture.width, times * picture.height), Resampling.BILINEAR)


def _plain(picture: "Image") -> tuple["Image", Plane]:
    """Return a picture without rules, inverted if its paper is black; and all of it in grey."""
    grey = grey_of(_whole(picture, OVERVIEW))
    if is_on_black(grey):
        picture = picture.point(lambda level: 255 - level)
        grey = grey_of(_whole(picture, OVERVIEW))
    light = is_light(grey)
    if without_rules(grey, light) is grey:
        return picture, grey
    grey = without_rules(grey_of(_whole(picture, RULED)), light)
    picture = _image(brightness(grey))
    return picture, grey_of(_whole(picture, OVERVIEW))


def _whole(picture: "Image", longer: int) -> Plane:
    """Return a picture as colours (H, W, C), with so many pixels on its longer side at most."""
    return _look(picture, (0, 0, *picture.size), min(1.0, longer / max(picture.size)))


def _look(picture: "Image", box: Box, scale: float) -> Plane:
    """Return a part of a picture as colours (H, W, C), from 0 to 1, each the mean of an area."""
    return _sampled(picture, box, [max(1, round((box[i + 2] - box[i]) * scale)) for i in (0, 1)])


def _sampled(picture: "Image", box: Box, size: Sequence[int]) -> Plane:
    """Return a part of a picture as colours (H, W, C); `size` is W and H."""
    from PIL.Image import Resampling

    width, height = size
    part = np.asarray(picture.resize((width, height), Resampling.BOX, box), np.float32)
    return part.reshape(height, width, -1) / np.float32(255)


def _image(plane: Plane) -> "Image":
    from PIL import Image

    return Image.fromarray(255 * plane.astype(np.float32))
