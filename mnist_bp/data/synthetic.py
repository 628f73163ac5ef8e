"""Synthetic digits: drawn from strokes, each with random variations; no network and no files.

A pen follows the strokes of `strokes.py`, whose points are moved a little at random. The result is
stretched, slanted and rotated, and then brought into the form of MNIST: scaled to fit a box, and
placed in a field of 28 x 28 pixels by its centre of mass.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import SYNTHETIC, Digits
from mnist_bp.data.strokes import STROKES
from mnist_bp.randomness import Purpose, stream

Array: TypeAlias = NDArray[Any]
"""Floating-point numbers."""

COUNTS = {"train": 20_000, "test": 5_000}

SIZE, BOX, CENTRE = 28, 20.5, 14
FIELD_CENTRE = np.array([5.0, 7.0])
"""The middle of the field that the strokes are written in."""

POINTS_PER_UNIT = 2.5
"""Points along a curve for each unit of the field: less than a pixel apart, they make a line."""

# The amount of variation. It was chosen by the accuracy, on MNIST's training digits, of a net that
# was trained on these digits: with less variety the accuracy is lower.
WOBBLE = 1.1
"""Standard deviation by which a point of a stroke is moved, in units of the field."""
SLANT, SLANT_STD = 0.1, 0.3
"""Mean and standard deviation of the slant: the shift to the right for each unit of height."""
TURN_STD = 0.15
"""Standard deviation of the angle by which a digit is rotated, in radians."""
STRETCH_STD = 0.25
"""Standard deviation of the logarithm of the ratio of width to height."""
PEN = 0.5, 2.2
"""Radii of the finest and the broadest pen, in pixels."""
SOFTNESS = 2.5
"""Pixels over which the edge of a line fades."""
SHIFT = 2.0
"""Largest distance of the centre of mass from the middle, in pixels, across and down."""


def draw_split(split: str) -> Digits:
    """Return a split, always the same bits: 20,000 digits for training, or 5,000 for testing."""
    part = list(COUNTS).index(split)
    return Digits(*draw(COUNTS[split], stream(0, Purpose.DRAWING, part)), SYNTHETIC)


def draw(count: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (count, 28, 28) of digits, in MNIST's form, and their labels (count,)."""
    labels = rng.integers(10, size=count, dtype=np.uint8)
    images = np.empty((count, SIZE, SIZE), np.uint8)
    for digit, variants in STROKES.items():
        weights = np.array([weight for weight, _ in variants], float)
        chosen = rng.choice(len(variants), size=count, p=weights / weights.sum())
        for variant, (_, strokes) in enumerate(variants):
            indices = np.flatnonzero((labels == digit) & (chosen == variant))
            images[indices] = _write(strokes, len(indices), rng)
    return images, labels


def _write(strokes: str, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return images (count, 28, 28) of the same strokes, each with its own variations."""
    paths, lengths = _trace(strokes, count, rng)
    paths = _transform(paths, rng)
    pens = rng.uniform(*PEN, count)
    return _render(*_place(paths, lengths, pens, rng), pens)


def _trace(strokes: str, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return points along the strokes, (count, P, 2), and the length of each's part, (count, P)."""
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
    """Return the matrix (P, C) that maps control points to points along a smooth curve.

    The curve is the spline of E. Catmull and R. Rom (1974): cubic between two points, and at each
    parallel to the line between its two neighbours. At a corner, the neighbour behind it is
    ignored.
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


def _transform(paths: Array, rng: np.random.Generator) -> Array:
    """Stretch, slant and rotate each of the paths (N, P, 2)."""
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
    transformed: Array = (paths - FIELD_CENTRE) @ shape @ turn
    return transformed


def _place(
    paths: Array, lengths: Array, pens: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Scale the paths to fit the box, and move each centre of mass to near the middle."""
    extent = (paths.max(axis=1) - paths.min(axis=1)).max(axis=1)
    scale = (BOX - 2 * pens) / extent
    paths, lengths = paths * scale[:, None, None], lengths * scale[:, None]
    mass = (paths * lengths[:, :, None]).sum(axis=1) / lengths.sum(axis=1)[:, None]
    middle = CENTRE + rng.uniform(-SHIFT, SHIFT, size=mass.shape)
    return paths + (middle - mass)[:, None], lengths


def _render(paths: Array, lengths: Array, pens: Array) -> NDArray[np.uint8]:
    """Return images (N, 28, 28) of lines along paths, drawn with pens of these radii.

    The points are splatted and blurred. Across a line, the blur falls off like a normal
    distribution; its height at a pixel therefore gives the pixel's distance from the line.
    """
    splatted = _splat(paths, lengths)
    images = np.empty(splatted.shape, np.uint8)
    pixels = np.arange(SIZE)
    # A blur is two matrix products, for all digits that were written with nearly the same pen.
    for group in np.array_split(np.argsort(pens), 8):
        if group.size == 0:
            continue
        pen = np.median(pens[group])
        spread = max(0.8 * pen, 0.45)
        # Splatting onto the four nearest pixels has already blurred by a variance of 1/6.
        blur = np.exp(-((pixels[:, None] - pixels) ** 2) / (2 * (spread**2 - 1 / 6)))
        blur /= blur.sum(axis=1, keepdims=True)
        height = np.sqrt(2 * np.pi) * spread * (blur @ splatted[group] @ blur.T)
        distance = spread * np.sqrt(-2 * np.log(np.clip(height, 1e-6, 1)))
        images[group] = 255 * np.clip(0.5 + (pen - distance) / SOFTNESS, 0, 1)
    return images


def _splat(paths: Array, lengths: Array) -> Array:
    """Return fields (N, 28, 28) with each point's length spread over its 4 nearest pixels."""
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
