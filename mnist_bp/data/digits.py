"""Digits as arrays: images and their labels."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

MNIST, SYNTHETIC, CUSTOM = "mnist", "synthetic", "custom"
"""What a data set is called: MNIST's digits, those that this package draws, or somebody's own."""


PIXELS, CLASSES = 28 * 28, 10


@dataclass(frozen=True)
class Digits:
    """Images and their labels: one split of a data set.

    Attributes
    ----------
    images : uint8 array of shape (N, 28, 28)
        0 is paper, 255 is ink.
    labels : uint8 array of shape (N,)
    dataset : str
        The name of the data set.
    digests : tuple of str
        SHA-256 of the images and of the labels, each as an unzipped IDX file.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    dataset: str
    digests: tuple[str, str]

    def __len__(self) -> int:
        return len(self.labels)

    def held_out(self, last: int) -> "tuple[Digits, Digits]":
        """Return all digits but the last so many, and those."""
        split = len(self) - last
        return (
            replace(self, images=self.images[:split], labels=self.labels[:split]),
            replace(self, images=self.images[split:], labels=self.labels[split:]),
        )
