"""Folders with the four files of a data set: the user's, only read, and the tool's own."""

import contextlib
import hashlib
import logging
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data import pinned
from mnist_bp.data.digits import CUSTOM, MNIST, Digits
from mnist_bp.data.download import Mirrors
from mnist_bp.data.idx import digest, read_idx, write_idx
from mnist_bp.data.pinned import PinnedFile
from mnist_bp.errors import DataError, UsageError
from mnist_bp.files import replacing, sweep

SPLITS = {
    "train": (pinned.TRAIN_IMAGES, pinned.TRAIN_LABELS),
    "test": (pinned.TEST_IMAGES, pinned.TEST_LABELS),
}
"""The files of the images and of the labels."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UserFolder:
    """A folder that the user named. Whatever digits are in it are used as they are.

    Attributes
    ----------
    path : Path

    Raises
    ------
    UsageError
        The path is no folder.
    """

    path: Path

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is not a folder, so it holds no digits")

    def read(self, split: str) -> Digits:
        """Return a split.

        Raises
        ------
        DataError
            Its files are missing, or are not what they seem.
        """
        images, labels = (self._read(file) for file in SPLITS[split])
        images_path, labels_path = (find(self.path, file) for file in SPLITS[split])
        if images.shape[1:] != (28, 28):
            pixels = " x ".join(map(str, images.shape[1:]))
            raise DataError(f"{images_path} holds images of {pixels} pixels, expected 28 x 28")
        if len(images) != len(labels):
            raise DataError(
                f"{images_path} holds {len(images):,} images, "
                f"but {labels_path} {len(labels):,} labels"
            )
        if len(labels) == 0:
            raise DataError(f"{labels_path} holds no labels at all")
        if labels.max() > 9:
            raise DataError(
                f"{labels_path} holds the label {labels.max()}, expected digits from 0 to 9"
            )
        digests = digest(images), digest(labels)
        return Digits(images, labels, MNIST if digests == _digests(split) else CUSTOM, digests)

    def _read(self, file: PinnedFile) -> NDArray[np.uint8]:
        path = find(self.path, file)
        if path is None:
            missing = [file.name for file in pinned.MNIST_FILES if not find(self.path, file)]
            raise DataError(
                f"{self.path} lacks {', '.join(missing)}; to have them downloaded there, run: "
                f"mnist-bp download --data-dir {shlex.quote(str(self.path))}"
            )
        return read_idx(path, file.dimensions)

    def fill(self, mirrors: Mirrors) -> Iterator[tuple[str, str]]:
        """Download the files that are missing, and yield for each of the four what was done.

        Raises
        ------
        DataError
            The folder holds anything but files of MNIST, or no mirror delivered what is missing.
        """
        found = {file: find(self.path, file) for file in pinned.MNIST_FILES}
        for file, path in found.items():
            if path and not _is_whole(path, file):
                raise DataError(
                    f"{path} is not MNIST's file of that name, so nothing is downloaded beside it; "
                    "name another folder with --data-dir"
                )
        if not any(found.values()) and any(self.path.iterdir()):
            raise DataError(
                f"{self.path} is not empty and holds none of MNIST's files, so nothing is "
                "downloaded into it; name another folder with --data-dir"
            )
        for file, path in found.items():
            yield file.name, "verified" if path else mirrors.fetch(file, self.path)


@dataclass(frozen=True)
class Cache:
    """The tool's own folder: it holds MNIST and nothing else, and is mended where it does not.

    Each file is kept as it was downloaded, and unpacked beside it, which is what is read.

    Attributes
    ----------
    path : Path
    mirrors : Mirrors
    """

    path: Path
    mirrors: Mirrors

    def read(self, split: str) -> Digits:
        """Return a split.

        Raises
        ------
        DownloadError
            A file is missing or damaged, and no mirror delivered it.
        DataError
            The folder cannot be written.
        """
        images, labels = (self._read(file) for file in SPLITS[split])
        return Digits(images, labels, MNIST, _digests(split))

    def fill(self, force: bool = False) -> Iterator[tuple[str, str]]:
        """See to it that all files are whole, and yield for each of the four what was done.

        Parameters
        ----------
        force : bool
            Download them even if they are.

        Raises
        ------
        DownloadError, DataError
            As for `read`.
        """
        for file in pinned.MNIST_FILES:
            yield file.name, self._see_to(file, force)
            self._read(file)

    def _read(self, file: PinnedFile) -> NDArray[np.uint8]:
        """Return what a file holds, from its unpacked copy, which is made where it is missing."""
        unpacked = self.path / file.unpacked_name
        sweep(unpacked)
        if unpacked.is_file():
            with contextlib.suppress(DataError):
                array = read_idx(unpacked, file.dimensions)
                if digest(array) == file.sha256_unpacked:
                    return array
            log.warning("%s is damaged; it is made anew", unpacked)
        self._see_to(file)
        array = read_idx(self.path / file.name, file.dimensions)
        # Without the copy, in a folder that is full or read-only, reading only takes longer.
        with contextlib.suppress(OSError), replacing(unpacked) as target:
            write_idx(target, array)
        return array

    def _see_to(self, file: PinnedFile, force: bool = False) -> str:
        """Download a file if it is missing or damaged, and return what was done."""
        path = self.path / file.name
        sweep(path)
        if path.is_file() and not force:
            if hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256:
                return "verified"
            log.warning("%s is damaged; it is made anew", path)
        return self.mirrors.fetch(file, self.path)


def find(folder: Path, file: PinnedFile) -> Path | None:
    """Return where a folder has a file, under any of the names that are in use for it."""
    candidates = (
        place / f"{file.stem}{separator}idx{file.dimensions}-ubyte{suffix}"
        for place in (folder, folder / "MNIST" / "raw")
        for separator in "-."
        for suffix in ("", ".gz")
    )
    return next((path for path in candidates if path.is_file()), None)


def _digests(split: str) -> tuple[str, str]:
    """Return the digests of MNIST's own images and labels."""
    images, labels = SPLITS[split]
    return images.sha256_unpacked, labels.sha256_unpacked


def _is_whole(path: Path, file: PinnedFile) -> bool:
    try:
        return digest(read_idx(path, file.dimensions)) == file.sha256_unpacked
    except DataError:
        return False
