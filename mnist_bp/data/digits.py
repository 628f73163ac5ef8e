"""Digits as arrays: images and their labels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_bp.data.idx import digest
from mnist_bp.errors import ParameterError

MNIST: Final = "mnist"
SYNTHETIC: Final = "synthetic"
CUSTOM: Final = "custom"
DATASETS: Final = (MNIST, SYNTHETIC, CUSTOM)
"""The data sets: MNIST's digits, those that this package draws, and any others."""

PIXELS, CLASSES = 28 * 28, 10


@dataclass(frozen=True, eq=False)
class Digits:
    """Images and their labels: one split of a data set, or a part of one.

    Iterating over it yields the images and then the labels: `images, labels = digits`.

    Attributes
    ----------
    images : uint8 array of shape (N, 28, 28)
        0 is paper, 255 is ink.
    labels : uint8 array of shape (N,)
        From 0 to 9.
    dataset : str
        The name of the data set.
    known_digests : tuple of str, optional
        The digests, if they need not be computed.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    dataset: str = CUSTOM
    known_digests: tuple[str, str] | None = None

    @classmethod
    def from_arrays(cls, images: ArrayLike, labels: ArrayLike, dataset: str = CUSTOM) -> "Digits":
        """Return digits made from any arrays; arrays that fit already are not copied.

        Parameters
        ----------
        images : array of shape (N, 28, 28) or (N, 784)
            Integers from 0 to 255, or floats from 0 to 1, which are rounded to 1/255.
        labels : array of shape (N,) or (N, 10)
            Whole numbers from 0 to 9, or one-hot rows.
        dataset : str
            A name for them.

        Raises
        ------
        ValueError
            An array has another shape or other values, or there are no digits.
        """
        pixels, numbers = _as_pixels(np.asarray(images)), _as_labels(np.asarray(labels))
        if len(pixels) != len(numbers):
            raise ValueError(f"there are {len(pixels):,} images, but {len(numbers):,} labels")
        if len(pixels) == 0:
            raise ValueError("there are no digits: images and labels are empty")
        return cls(pixels, numbers, dataset)

    @cached_property
    def digests(self) -> tuple[str, str]:
        """SHA-256 of the images and of the labels, each as an uncompressed IDX file.

        Those of the whole split, where this is a part that was held out.
        """
        return self.known_digests or (digest(self.images), digest(self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return iter((self.images, self.labels))

    def __repr__(self) -> str:
        return f"Digits({len(self):,} of {self.dataset})"

    def held_out(self, count: int) -> "tuple[Digits, Digits]":
        """Return all digits but the last `count`, and the last `count`.

        Raises
        ------
        ParameterError
            `count` is less than 1, or leaves nothing.
        """
        if not 0 < count < len(self):
            problem = f"must be below {len(self):,}, the number of training digits, not {count:,}"
            problem = problem if count > 0 else f"must be at least 1 here, not {count}"
            raise ParameterError("validation", problem)

        def part(of: slice) -> Digits:
            images, labels = self.images[of], self.labels[of]
            return replace(self, images=images, labels=labels, known_digests=self.digests)

        return part(slice(-count)), part(slice(-count, None))


SomeDigits: TypeAlias = Digits | tuple[NDArray[Any], NDArray[Any]]
"""Digits, or anyone's images and labels."""


def as_digits(digits: SomeDigits) -> Digits:
    """Return digits as they are, or made from a pair of arrays: see `Digits.from_arrays`."""
    if isinstance(digits, Digits):
        return digits
    if not isinstance(digits, tuple | list) or len(digits) != 2:
        raise TypeError("digits must be a pair, (images, labels), or come from load_digits")
    return Digits.from_arrays(*digits)


def _as_pixels(images: NDArray[Any]) -> NDArray[np.uint8]:
    if images.shape[1:] not in ((28, 28), (PIXELS,)):
        raise ValueError(
            f"images has the shape {images.shape}, expected (N, 28, 28) or (N, {PIXELS})"
        )
    highest = {"u": 255, "i": 255, "f": 1}.get(images.dtype.kind, 0)
    if not highest or (images.size and not (images.min() >= 0 and images.max() <= highest)):
        found = f", from {images.min()} to {images.max()}" if highest else ""
        raise ValueError(
            f"images holds numbers of type {images.dtype}{found}; "
            "expected integers from 0 to 255, or floats from 0 to 1"
        )
    if highest == 1:
        images = np.rint(images * 255)
    return images.astype(np.uint8, copy=False).reshape(len(images), 28, 28)


def _as_labels(labels: NDArray[Any]) -> NDArray[np.uint8]:
    if labels.ndim == 2 and labels.shape[1] == CLASSES:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise ValueError("labels has rows that are not one-hot: a single 1 and nine zeros")
        labels = labels.argmax(axis=1)
    if labels.ndim != 1:
        raise ValueError(f"labels has the shape {labels.shape}, expected (N,) or (N, {CLASSES})")
    if labels.dtype.kind not in "iuf":
        raise ValueError(f"labels holds the type {labels.dtype}, expected whole numbers")
    if (wrong := labels[~np.isin(labels, range(CLASSES))]).size:
        raise ValueError(f"labels holds {wrong[0]}, expected digits from 0 to {CLASSES - 1}")
    return labels.astype(np.uint8, copy=False)
