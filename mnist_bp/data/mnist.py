"""Where digits come from: MNIST, a folder of the user's, or the built-in strokes."""

import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import CUSTOM, MNIST, SYNTHETIC, Digits
from mnist_bp.data.download import Mirrors, Progress, silent
from mnist_bp.data.folder import Cache, UserFolder
from mnist_bp.errors import DataError, UsageError
from mnist_bp.functions import one_hot, scale_pixels

DATA_DIR_VARIABLE = "MNIST_BP_DATA_DIR"

Pair: TypeAlias = tuple[NDArray[Any], NDArray[Any]]

log = logging.getLogger(__name__)


class Source(Protocol):
    """Where digits are read from."""

    def read(self, split: str) -> Digits:
        """Return the split `train` or `test`."""


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
        `data_dir` is not a folder.
    """

    def arrays(digits: Digits) -> Pair:
        x = scale_pixels(digits.images) if normalize else digits.images
        t = one_hot(digits.labels).astype(np.float32) if one_hot_label else digits.labels
        return x.reshape(len(x), -1) if flatten else x, t

    train, test = read_digits(["train", "test"], data_dir=data_dir)
    return arrays(train), arrays(test)


def read_digits(
    splits: Iterable[str],
    name: str | None = None,
    data_dir: str | Path | None = None,
    mirrors: Sequence[str] = (),
    progress: Progress = silent,
) -> list[Digits]:
    """Return some splits of a data set.

    Parameters
    ----------
    splits : iterable of {"train", "test"}
    name : {"mnist", "synthetic", "custom"}, optional
        The data set; without it, whatever the folder holds.
    data_dir : path, optional
        As for `load_mnist`.
    mirrors : sequence of str
        Asked before the built-in mirrors for what the cache lacks.
    progress : Progress

    Raises
    ------
    DownloadError
        Files are missing from the cache, and no mirror delivered them.
    DataError
        The digits are not what they seem, or not those of that name.
    UsageError
        `data_dir` is not a folder, or contradicts the name.
    """
    source = _source(name, data_dir, mirrors, progress)
    digits = [source.read(split) for split in splits]
    other = next((each.dataset for each in digits if each.dataset != (name or MNIST)), None)
    if other and name:
        raise DataError(f"{_named_folder(data_dir)} does not hold the data set {name}, but {other}")
    if other:
        log.warning("the digits in %s are not MNIST's", _named_folder(data_dir))
    return digits


def _source(
    name: str | None, data_dir: str | Path | None, mirrors: Sequence[str], progress: Progress
) -> Source:
    folder = _named_folder(data_dir)
    if name == SYNTHETIC:
        if data_dir:
            raise UsageError(f"the synthetic digits are drawn, not read from {data_dir}")
        from mnist_bp.data.synthetic import Drawn

        return Drawn()
    if folder:
        return UserFolder(folder)
    if name == CUSTOM:
        raise DataError("digits of your own are in no cache: name their folder with --data-dir")
    return Cache(cache_folder(), Mirrors(mirrors, progress))


def fill(
    data_dir: str | Path | None = None,
    mirrors: Sequence[str] = (),
    *,
    force: bool = False,
    progress: Progress = silent,
) -> tuple[Path, list[tuple[str, str]]]:
    """See to it that a folder, by default the cache, holds the four files of MNIST.

    Parameters
    ----------
    data_dir, mirrors, progress
        As for `read_digits`; a folder that does not exist is made.
    force : bool
        Download all four anew, if the folder is the cache; elsewhere nothing is ever replaced.

    Returns
    -------
    folder : Path
    done : list of (str, str)
        For each file its name, and the address it came from, or that it was there and whole.

    Raises
    ------
    DataError
        No mirror delivered what is missing, the folder cannot be written, or it is the user's and
        holds something else.
    """
    mirrors_of_this_run = Mirrors(mirrors, progress)
    folder = _named_folder(data_dir)
    if folder is None:
        folder = cache_folder()
        return folder, list(Cache(folder, mirrors_of_this_run).fill(force))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made a folder: {error.strerror}") from error
    return folder, list(UserFolder(folder).fill(mirrors_of_this_run))


def cache_folder() -> Path:
    """Return the tool's own folder, where this system keeps caches."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("mnist-bp", appauthor=False))


def _named_folder(data_dir: str | Path | None) -> Path | None:
    """Return the folder that the user named, by argument or environment."""
    named = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    return Path(named) if named else None
