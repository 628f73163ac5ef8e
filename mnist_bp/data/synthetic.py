"""Digits with no network and no files: drawn from strokes, each a little differently.

A pen follows the strokes of `strokes.py`, whose points are moved a little at random. What it wrote
is stretched, slanted and turned, and then treated as MNIST's makers treated theirs: fitted into a
box, and placed in a field of 28 x 28 pixels by its centre of mass.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import SYNTHETIC, Digits
from mnist_bp.data.idx import digest
from mnist_bp.data.strokes import STROKES
from mnist_bp.functions import Array
from mnist_bp.randomness import Purpose, stream

COUNTS = {"train": 20_000, "test": 5_000}

SIZE, BOX, CENTRE = 28, 20.5, 14
FIELD_CENTRE = np.array([5.0, 7.0])
"""The middle of the field that the strokes are written in."""

POINTS_PER_UNIT = 2.5
"""Points along a curve for each unit of the field: less than a pixel apart, they make a line."""

# How much hands differ. Judged by what a net that was trained on these digits makes of MNIST's
# training digits: with less variety it takes fewer of them for what they are.
WOBBLE = 1.1
"""Standard deviation by which a point of a stroke is moved, in units of the field."""
SLANT, SLANT_STD = 0.1, 0.3
"""How far to the right a digit leans for its height, and the standard deviation."""
TURN_STD = 0.15
"""Standard deviation of the angle by which a digit is turned, in radians."""
STRETCH_STD = 0.25
"""Standard deviation of the logarithm of a digit's width for its height."""
PEN = 0.5, 2.2
"""Radii of the finest and the broadest pen, in pixels."""
SOFTNESS = 2.5
"""Pixels over which the edge of a line fades."""
SHIFT = 2.0
"""Pixels by which a digit may be off the middle, either way."""


@dataclass(frozen=True)
class Drawn:
    """The synthetic digits as a data set: always the same bits."""

    def read(self, split: str) -> Digits:
        """Return a split: 20,000 digits for training, or 5,000 other ones for testing."""
        part = list(COUNTS).index(split)
        images, labels = draw(COUNTS[split], stream(0, Purpose.DRAWING, part))
        return Digits(images, labels, SYNTHETIC, (digest(images), digest(labels)))


def draw(count: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (count, 28, 28) of digits, as MNIST has them, and their labels (count,)."""
    labels = rng.integers(10, size=count, dtype=np.uint8)
    images = np.empty((count, SIZE, SIZE), np.uint8)
    for digit, hands in STROKES.items():
        shares = np.array([share for share, _ in hands], float)
        which = rng.choice(len(hands), size=count, p=shares / shares.sum())
        for hand, (_, strokes) in enumerate(hands):
            mine = np.flatnonzero((labels == digit) & (which == hand))
            images[mine] = _write(strokes, len(mine), rng)
    return images, labels


def _write(strokes: str, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return images (count, 28, 28) of strokes, each time written a little differently."""
    paths, lengths = _follow(strokes, count, rng)
    paths = _tilt(paths, rng)
    pens = rng.uniform(*PEN, count)
    return _ink(*_place(paths, lengths, pens, rng), pens)


def _follow(strokes: str, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the pen's way, (count, P, 2), and how much of it each point stands for, (count, P)."""
    paths, lengths = [], []
    for stroke in strokes.split("|"):
        points, corners = _parse(stroke)
        moved = points + WOBBLE * rng.standard_normal((count, *points.shape))
        path = _curve(points, corners) @ moved
        gaps = np.linalg.norm(np.diff(path, axis=1), axis=2)
        length = np.zeros(path.shape[:2])
        length[:, :-1] += gaps / 2
        length[:, 1:] += gaps / 2
        paths.append(path)
        lengths.append(length)
    return np.concatenate(paths, axis=1), np.concatenate(lengths, axis=1)


def _parse(stroke: str) -> tuple[Array, list[bool]]:
    """Return the points of a stroke, (C, 2), and which of them are corners."""
    words = stroke.split()
    points = [[float(number) for number in word.rstrip("!").split(",")] for word in words]
    return np.array(points), [word.endswith("!") for word in words]


def _curve(points: Array, corners: list[bool]) -> Array:
    """Return the matrix (P, C) that takes control points to points along their smooth curve.

    The curve is the one of E. Catmull and R. Rom (1974): cubic between two points, and parallel, at
    each, to the line between its two neighbours. Past a corner, no neighbour counts.
    """
    rows = []
    last = len(points) - 1
    for i in range(last):
        before = i if i == 0 or corners[i] else i - 1
        after = i + 1 if i + 1 == last or corners[i + 1] else i + 2
        count = int(np.ceil(np.linalg.norm(points[i + 1] - points[i]) * POINTS_PER_UNIT))
        t = np.linspace(0, 1, max(count, 3), endpoint=i + 1 == last)
        row = np.zeros((len(t), len(points)))
        for j, weight in (
            (before, -t + 2 * t**2 - t**3),
            (i, 2 - 5 * t**2 + 3 * t**3),
            (i + 1, t + 4 * t**2 - 3 * t**3),
            (after, -(t**2) + t**3),
        ):
            row[:, j] += weight / 2
        rows.append(row)
    return np.concatenate(rows)


def _tilt(paths: Array, rng: np.random.Generator) -> Array:
    """Stretch, slant and turn what was written, (N, P, 2), each by itself."""
    count = len(paths)
    stretch = np.exp(STRETCH_STD * rng.standard_normal(count))
    slant = SLANT + SLANT_STD * rng.standard_normal(count)
    angle = TURN_STD * rng.standard_normal(count)
    # Rows of points are multiplied from the right; y runs downward, so leaning right is minus.
    shape = np.zeros((count, 2, 2))
    shape[:, 0, 0], shape[:, 1, 0], shape[:, 1, 1] = stretch, -slant, 1
    turn = np.moveaxis(
        np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]), -1, 0
    )
    tilted: Array = (paths - FIELD_CENTRE) @ shape @ turn
    return tilted


def _place(
    paths: Array, lengths: Array, pens: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Fit what was written into the box, and put its centre of mass (nearly) in the middle."""
    extent = (paths.max(axis=1) - paths.min(axis=1)).max(axis=1)
    scale = (BOX - 2 * pens) / extent
    paths, lengths = paths * scale[:, None, None], lengths * scale[:, None]
    mass = (paths * lengths[:, :, None]).sum(axis=1) / lengths.sum(axis=1)[:, None]
    middle = CENTRE + rng.uniform(-SHIFT, SHIFT, size=mass.shape)
    return paths + (middle - mass)[:, None], lengths


def _ink(paths: Array, lengths: Array, pens: Array) -> NDArray[np.uint8]:
    """Return images (N, 28, 28) of what pens of these radii leave along these ways.

    Points are strewn along the way and blurred. Beside a line, the blur falls off as a normal
    distribution does; its height at a pixel so tells how far from the line the pixel lies.
    """
    strewn = _strew(paths, lengths)
    images = np.empty(strewn.shape, np.uint8)
    pixels = np.arange(SIZE)
    # A blur is two matrix products for all digits that were written with nearly the same pen.
    for group in np.array_split(np.argsort(pens), 8):
        if group.size == 0:
            continue
        pen = np.median(pens[group])
        spread = max(0.8 * pen, 0.45)
        # Strewing over the four nearest pixels has blurred by a variance of 1/6 already.
        blur = np.exp(-((pixels[:, None] - pixels) ** 2) / (2 * (spread**2 - 1 / 6)))
        blur /= blur.sum(axis=1, keepdims=True)
        height = np.sqrt(2 * np.pi) * spread * (blur @ strewn[group] @ blur.T)
        distance = spread * np.sqrt(-2 * np.log(np.clip(height, 1e-6, 1)))
        images[group] = 255 * np.clip(0.5 + (pen - distance) / SOFTNESS, 0, 1)
    return images


def _strew(paths: Array, lengths: Array) -> Array:
    """Return fields (N, 28, 28) with each point's length shared by the four pixels around it."""
    count = len(paths)
    corner = np.floor(paths).astype(int)
    part = paths - corner
    field = np.zeros(count * SIZE**2)
    for right in (0, 1):
        for down in (0, 1):
            x, y = np.clip(np.moveaxis(corner + np.array([right, down]), -1, 0), 0, SIZE - 1)
            share = np.abs(1 - right - part[..., 0]) * np.abs(1 - down - part[..., 1])
            pixel = (np.arange(count)[:, None] * SIZE + y) * SIZE + x
            field += np.bincount(pixel.ravel(), (share * lengths).ravel(), field.size)
    return field.reshape(count, SIZE, SIZE)
