"""Distortion: images are moved, rotated and bent a little, differently in every epoch.

After P. Simard, D. Steinkraus and J. Platt, "Best practices for convolutional neural networks
applied to visual document analysis" (2003): each pixel of the distorted image is looked up at
another place of the original, often between its pixels. The place is given by an affine map, plus
an elastic displacement, which is random but varies smoothly over the image.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Distortion:
    """How much images are distorted. The amounts are drawn uniformly, for each image by itself.

    Attributes
    ----------
    rotation : float
        Largest angle in degrees, in either direction.
    scaling : float
        Largest change, as a fraction, of the distance between the places that are looked up, for
        rows and columns separately: s makes images 1 / (1 + s) to 1 / (1 - s) times as large.
    shear : float
        Largest slant, in pixels sideways for each pixel of height.
    shift : float
        Largest displacement of the whole image, in pixels of the original, across and down.
    elastic : float
        Standard deviation of the elastic displacement, in pixels, across and down. Simard's alpha
        of 34 with a sigma of 4 comes to 1.4.
    smoothness : float
        Simard's sigma, in pixels: the width of the Gaussian that smooths the displacement.
    sharpening : float
        How much images are sharpened first. Reading between pixels blurs them: over all places, it
        multiplies a wave of frequency w by about 1 - (1 - cos w) / 6, and sharpening by
        1 + 2 * sharpening * (1 - cos w), so that 1/12 makes up for it.
    """

    rotation: float = 0.0
    scaling: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    smoothness: float = 4.0
    sharpening: float = 0.0

    def __bool__(self) -> bool:
        return any((self.rotation, self.scaling, self.shear, self.shift, self.elastic))

    def __call__(self, images: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
        """Return distorted images (N, height, width), float32 from 0 to 1.

        Parameters
        ----------
        images : uint8 array of shape (N, height, width)
        rng : numpy.random.Generator
            The source of all random numbers.
        """
        y, x = self._affine(images.shape, rng)
        if self.elastic:
            y += self.elastic * smooth_noise(images.shape, self.smoothness, rng)
            x += self.elastic * smooth_noise(images.shape, self.smoothness, rng)
        return bilinear(images, y, x, self.sharpening)

    def weakened(self, share: float) -> "Distortion":
        """Return this distortion with a share of each of its amounts."""
        amounts = "rotation", "scaling", "shear", "shift", "elastic"
        return replace(self, **{name: share * getattr(self, name) for name in amounts})

    def _affine(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return the places, y and x (N, height, width), that the pixels are looked up at."""
        n, height, width = shape

        def drawn(most: float) -> Floats:
            return rng.uniform(-most, most, (n, 1, 1)).astype(np.float32)

        angle, slant = np.radians(drawn(self.rotation)), drawn(self.shear)
        taller, wider = 1 + drawn(self.scaling), 1 + drawn(self.scaling)
        sin, cos = np.sin(angle), np.cos(angle)
        # Measured from the centre, which only the shift moves.
        middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
        down = np.arange(height, dtype=np.float32)[:, np.newaxis] - np.float32(middle_y)
        right = np.arange(width, dtype=np.float32) - np.float32(middle_x)
        y = taller * cos * down + taller * sin * right
        x = wider * (slant * cos - sin) * down + wider * (slant * sin + cos) * right
        y += np.float32(middle_y) + drawn(self.shift)
        x += np.float32(middle_x) + drawn(self.shift)
        return y, x


def smooth_noise(shape: tuple[int, ...], smoothness: float, rng: np.random.Generator) -> Floats:
    """Return images (N, height, width) of smooth random numbers with standard deviation 1.

    Noise is smoothed by a two-dimensional Gaussian. It is separable, so this takes two products
    with small matrices, one for the rows and one for the columns.
    """
    n, height, width = shape
    noise = rng.random(shape, np.float32)
    noise -= np.float32(0.5)
    # The standard deviation of the uniform distribution from -1/2 to 1/2 is the root of 1/12.
    down, across = gaussian(height, smoothness), np.float32(12**0.5) * gaussian(width, smoothness)
    along_rows = noise.reshape(n * height, width) @ across.T
    return np.asarray(down @ along_rows.reshape(shape))


@lru_cache
def gaussian(size: int, smoothness: float) -> Floats:
    """Return the matrix (size, size) that smooths `size` numbers without changing their variance.

    The squares of each row sum to 1, at the edges too.
    """
    place = np.arange(size)
    rows = np.exp(-0.5 * ((place - place[:, np.newaxis]) / smoothness) ** 2)
    rows /= np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return np.asarray(rows, np.float32)


def bilinear(images: NDArray[np.uint8], y: Floats, x: Floats, sharpening: float = 0.0) -> Floats:
    """Return the values of images at places between their pixels, as float32 from 0 to 1.

    They are interpolated from the four nearest pixels. Beyond the edge they are 0, paper.

    Parameters
    ----------
    images : uint8 array of shape (N, height, width)
    y, x : float32 arrays of shape (N, ...)
        Places in each image, in pixels down and across.
    sharpening : float
        As in `Distortion`.

    Returns
    -------
    float32 array of the shape of `y`
    """
    n, height, width = images.shape
    # A margin of paper: one pixel above and to the left, two below and to the right.
    padded = np.zeros((n, height + 3, width + 3), np.float32)
    np.divide(images, 255, out=padded[:, 1:-2, 1:-2], dtype=np.float32)
    if sharpening:
        padded = sharpened(sharpened(padded, sharpening, 1), sharpening, 2)
    y, x = np.clip(y + 1, 0, height + 1), np.clip(x + 1, 0, width + 1)
    top, left = y.astype(np.intp), x.astype(np.intp)
    y -= top
    x -= left

    # All images as one row of pixels, in which the pixel below is a whole line further.
    pixels, line = padded.reshape(-1), width + 3
    corner = top * line + left
    corner += (np.arange(n) * padded[0].size).reshape(n, *(1,) * (y.ndim - 1))
    upper_left, upper_right = pixels.take(corner), pixels.take(corner + 1)
    lower_left, lower_right = pixels.take(corner + line), pixels.take(corner + line + 1)
    upper = upper_left + x * (upper_right - upper_left)
    lower = lower_left + x * (lower_right - lower_left)
    values = np.asarray(upper + y * (lower - upper))
    return np.clip(values, 0, 1, out=values) if sharpening else values


def sharpened(images: Floats, amount: float, axis: int) -> Floats:
    """Return images whose pixels differ more from their two neighbours along an axis."""
    around = np.roll(images, 1, axis) + np.roll(images, -1, axis)
    return np.asarray((1 + 2 * amount) * images - amount * around, np.float32)
