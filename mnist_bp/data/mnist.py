"""The digits as arrays: finding their four files, checking them, reading them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data import download
from mnist_bp.data.download import MIRRORS, MNIST_FILES, PinnedFile, Progress, silent
from mnist_bp.data.idx import digest, read_idx
from mnist_bp.errors import DataError, UsageError
from mnist_bp.layers import one_hot

DATA_DIR_VARIABLE = "MNIST_BP_DATA_DIR"

MNIST, CUSTOM = "mnist", "custom"
"""What a data set is called: the digits of MNIST, or a folder of other ones in the same format."""

Pair: TypeAlias = tuple[NDArray[Any], NDArray[Any]]


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
        SHA-256 of the unzipped file of the images, and of that of the labels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    dataset: str
    digests: tuple[str, str]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A folder's four files; each split is read when it is first asked for.

    Attributes
    ----------
    folder : Path
    is_cache : bool
        Whether the folder is the tool's own, which holds MNIST and nothing else.
    """

    folder: Path
    is_cache: bool

    @cached_property
    def train(self) -> Digits:
        """The digits to learn from."""
        return self._read(download.TRAIN_IMAGES, download.TRAIN_LABELS)

    @cached_property
    def test(self) -> Digits:
        """The digits to be judged by."""
        return self._read(download.TEST_IMAGES, download.TEST_LABELS)

    def split(self, name: str) -> Digits:
        """Return the split of this name, `train` or `test`."""
        return self.train if name == "train" else self.test

    def _read(self, images_file: PinnedFile, labels_file: PinnedFile) -> Digits:
        images_path, labels_path = (
            _locate(self.folder, file) for file in (images_file, labels_file)
        )
        images = read_idx(images_path, images_file.dimensions)
        labels = read_idx(labels_path, labels_file.dimensions)
        digests = digest(images), digest(labels)
        is_mnist = digests == (images_file.sha256_unpacked, labels_file.sha256_unpacked)
        if self.is_cache and not is_mnist:
            raise DataError(
                f"the digits in the cache {self.folder} are damaged; run: mnist-bp download --force"
            )

        if images.shape[1:] != (28, 28):
            raise DataError(f"{images_path} holds images of {_by(images)} pixels, expected 28 x 28")
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
        return Digits(images, labels, MNIST if is_mnist else CUSTOM, digests)


def load_mnist(
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    *,
    data_dir: str | Path | None = None,
) -> tuple[Pair, Pair]:
    """Return `(x_train, t_train), (x_test, t_test)`: the chapter's call.

    Digits that are not on disk yet are downloaded to the cache.

    Parameters
    ----------
    normalize : bool
        Pixels as float32 from 0 to 1; as uint8 from 0 to 255 otherwise.
    flatten : bool
        Images as rows, (N, 784); as they are, (N, 28, 28), otherwise.
    one_hot_label : bool
        Labels as float32 rows (N, 10); as uint8 numbers (N,) otherwise.
    data_dir : path, optional
        A folder that holds the four files; by default that of `MNIST_BP_DATA_DIR`, or the cache.

    Raises
    ------
    DataError
        The digits cannot be had, or are not what they seem.
    UsageError
        `data_dir` is not a folder, or not all of the files are in it.
    """
    dataset = open_dataset(data_dir)

    def arrays(digits: Digits) -> Pair:
        x = normalized(digits.images) if normalize else digits.images
        t = one_hot(digits.labels).astype(np.float32) if one_hot_label else digits.labels
        return x.reshape(len(x), -1) if flatten else x, t

    return arrays(dataset.train), arrays(dataset.test)


def normalized(images: NDArray[np.uint8], dtype: Any = np.float32) -> NDArray[Any]:
    """Return pixels from 0 to 255 as fractions from 0 to 1."""
    return np.divide(images, 255, dtype=dtype)


def open_dataset(
    data_dir: str | Path | None = None,
    mirrors: Sequence[str] = (),
    progress: Progress = silent,
) -> Dataset:
    """Find the four files of a data set, and download those that the tool's own cache lacks.

    Parameters
    ----------
    data_dir : path, optional
        As for `load_mnist`. A folder that the user named is only read.
    mirrors : sequence of str
        Tried before the built-in mirrors.
    progress : Progress

    Raises
    ------
    DownloadError
        Files are missing from the cache, and no mirror delivered them.
    UsageError
        A folder that the user named is none, or lacks files.
    """
    folder, is_cache = data_folder(data_dir)
    missing = [file for file in MNIST_FILES if _find(folder, file) is None]
    if is_cache:
        for file in missing:
            download.fetch(file, folder, (*mirrors, *MIRRORS), progress)
    elif not folder.is_dir():
        raise UsageError(f"{folder} is not a folder, so it holds no digits")
    elif missing:
        raise DataError(
            f"{folder} lacks {', '.join(file.name for file in missing)}; to have them downloaded "
            f"there, run: mnist-bp download --data-dir {folder}"
        )
    return Dataset(folder, is_cache)


def fill(
    data_dir: str | Path | None = None,
    mirrors: Sequence[str] = (),
    *,
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, str | None]:
    """See to it that a folder holds the four files of MNIST.

    Parameters
    ----------
    data_dir, mirrors, progress
        As for `open_dataset`.
    force : bool
        Download all four anew, if the folder is the cache; elsewhere nothing is ever replaced.

    Returns
    -------
    dict
        For each of the four files, the address it came from; None where it was there, and whole.

    Raises
    ------
    DataError
        The folder holds other files under these names and is not the tool's own, or no mirror
        delivered what is missing.
    """
    folder, is_cache = data_folder(data_dir)
    present = {file: _find(folder, file) for file in MNIST_FILES}
    intact = {file for file, path in present.items() if path and _is_intact(path, file)}
    foreign = [path for file, path in present.items() if path and file not in intact]
    if foreign and not is_cache:
        raise DataError(
            f"{foreign[0]} is not MNIST's file of that name, so nothing is downloaded beside it; "
            "name another folder with --data-dir"
        )
    if force and is_cache:
        intact.clear()
    return {
        file.name: None
        if file in intact
        else download.fetch(file, folder, (*mirrors, *MIRRORS), progress)
        for file in MNIST_FILES
    }


def data_folder(data_dir: str | Path | None = None) -> tuple[Path, bool]:
    """Return the folder of the digits, and whether it is the tool's own cache."""
    named = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    if named:
        return Path(named), False
    import platformdirs

    return Path(platformdirs.user_cache_dir("mnist-bp", appauthor=False)), True


def _find(folder: Path, file: PinnedFile) -> Path | None:
    """Return where a folder has a file, under any of the names that are in use for it."""
    candidates = (
        place / f"{file.stem}{separator}idx{file.dimensions}-ubyte{suffix}"
        for place in (folder, folder / "MNIST" / "raw")
        for separator in "-."
        for suffix in ("", ".gz")
    )
    return next((path for path in candidates if path.is_file()), None)


def _locate(folder: Path, file: PinnedFile) -> Path:
    path = _find(folder, file)
    if path is None:
        raise DataError(f"{file.name} is no longer in {folder}")
    return path


def _is_intact(path: Path, file: PinnedFile) -> bool:
    try:
        return digest(read_idx(path, file.dimensions)) == file.sha256_unpacked
    except DataError:
        return False


def _by(images: NDArray[np.uint8]) -> str:
    return " x ".join(str(size) for size in images.shape[1:])
