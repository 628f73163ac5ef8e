"""Folders with the four files of a data set: those of users, and the cache of this package."""

import contextlib
import hashlib
import logging
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import MNIST, Digits
from mnist_bp.data.idx import digest, read_idx, write_idx
from mnist_bp.data.pinned import MNIST_FILES, SPLITS, PinnedFile
from mnist_bp.errors import DataError, UsageError
from mnist_bp.files import is_temporary, remove_stale, replacing

if TYPE_CHECKING:
    from mnist_bp.data.download import Mirrors, Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UserFolder:
    """A folder that the user named. The digits in it are used as they are.

    Attributes
    ----------
    path : Path

    Raises
    ------
    UsageError
        The path is not a folder.
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
            Its files are missing, or do not hold digits.
        """
        images, labels = (self._read(file) for file in SPLITS[split])
        try:
            digits = Digits.from_arrays(images, labels)
        except ValueError as error:
            raise DataError(f"the {split} digits in {self.path} cannot be used: {error}") from error
        if digits.digests == _digests(split):
            return replace(digits, dataset=MNIST, known_digests=digits.digests)
        return digits

    def _read(self, file: PinnedFile) -> NDArray[np.uint8]:
        path = find(self.path, file)
        if path is None:
            missing = [file.name for file in MNIST_FILES if not find(self.path, file)]
            raise DataError(
                f"{self.path} lacks {', '.join(missing)}; to have them downloaded there, run: "
                f"mnist-bp download --data-dir {shlex.quote(str(self.path))}"
            )
        return read_idx(path, file.dimensions)

    def fill(self, mirrors: "Mirrors") -> Iterator[tuple[str, str]]:
        """Download the files that are missing, and yield for each of the four what was done.

        Raises
        ------
        DataError
            The folder holds files that are not MNIST's, or no mirror delivered what is missing.
        """
        found = {file: find(self.path, file) for file in MNIST_FILES}
        for file, path in found.items():
            if path and not _is_whole(path, file):
                raise DataError(
                    f"{path} is not MNIST's file of that name, so nothing is downloaded beside it; "
                    "choose another folder"
                )
        if not any(found.values()) and not all(map(is_temporary, self.path.iterdir())):
            raise DataError(
                f"{self.path} is not empty and holds none of MNIST's files, so nothing is "
                "downloaded into it; choose another folder"
            )
        for file, path in found.items():
            remove_stale(self.path / file.name)
            yield file.name, "verified" if path else mirrors.fetch(file, self.path)


@dataclass(frozen=True)
class Cache:
    """The folder of this package: it holds MNIST alone, and what is damaged is repaired.

    Each file is kept as it was downloaded, and an unpacked copy of it, which is what is read.

    Attributes
    ----------
    path : Path
    first_mirrors : sequence of str
        Asked before the built-in mirrors for what is missing or damaged.
    progress : Progress, optional
    """

    path: Path
    first_mirrors: Sequence[str] = ()
    progress: "Progress | None" = None

    @cached_property
    def mirrors(self) -> "Mirrors":
        """Where files are downloaded from. Loading what that needs takes a while."""
        from mnist_bp.data.download import Mirrors

        return Mirrors(self.first_mirrors, self.progress)

    def read(self, split: str) -> Digits:
        """Return a split.

        Raises
        ------
        DownloadError
            A file is missing or damaged, and cannot be downloaded to this folder.
        """
        images, labels = (self._read(file) for file in SPLITS[split])
        return Digits(images, labels, MNIST, _digests(split))

    def fill(self, force: bool = False) -> Iterator[tuple[str, str]]:
        """Ensure that all files are whole, and yield for each of the four what was done.

        Parameters
        ----------
        force : bool
            Download them even if they are.

        Raises
        ------
        DownloadError
            As for `read`.
        """
        for file in MNIST_FILES:
            yield file.name, self._ensure(file, force)
            self._read(file)

    def _read(self, file: PinnedFile) -> NDArray[np.uint8]:
        """Return what a file holds, from its unpacked copy, which is made if it is missing."""
        unpacked = self.path / file.unpacked_name
        remove_stale(unpacked)
        if unpacked.is_file():
            with contextlib.suppress(DataError):
                array = read_idx(unpacked, file.dimensions)
                if digest(array) == file.sha256_unpacked:
                    return array
            log.warning("%s is damaged; it is unpacked again", unpacked)
        self._ensure(file)
        array = read_idx(self.path / file.name, file.dimensions)
        # Without the copy, in a folder that is full or read-only, reading only takes longer.
        with contextlib.suppress(OSError), replacing(unpacked) as target:
            write_idx(target, array)
        return array

    def _ensure(self, file: PinnedFile, force: bool = False) -> str:
        """Download a file if it is missing or damaged, and return what was done."""
        path = self.path / file.name
        remove_stale(path)
        if path.is_file() and not force:
            if hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256:
                return "verified"
            log.warning("%s is damaged; it is downloaded again", path)
        return self.mirrors.fetch(file, self.path)


def find(folder: Path, file: PinnedFile) -> Path | None:
    """Return where a folder has a file, by any of its usual names."""
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
