"""Loading digits: MNIST's, those in a folder of the user, or synthetic ones."""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import CLASSES, CUSTOM, DATASETS, MNIST, SYNTHETIC, Digits
from mnist_bp.data.folder import Cache, UserFolder
from mnist_bp.data.pinned import SPLITS
from mnist_bp.errors import DataError, DownloadError, UsageError, remedy
from mnist_bp.files import make_folder

if TYPE_CHECKING:
    from mnist_bp.data.download import Progress

NO_FILES = 'Digits that need no files: load_digits("train", "synthetic")'

DATA_DIR_VARIABLE = "MNIST_BP_DATA_DIR"

Pair: TypeAlias = tuple[NDArray[Any], NDArray[Any]]

log = logging.getLogger(__name__)


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
        The digits cannot be downloaded, or their files do not hold digits.
    UsageError
        `data_dir` is not a folder.
    """

    def arrays(digits: Digits) -> Pair:
        # Not divided by 255: a product is faster, and at most the last bit differs.
        x = np.multiply(digits.images, 1 / 255, dtype=np.float32) if normalize else digits.images
        t = np.eye(CLASSES, dtype=np.float32)[digits.labels] if one_hot_label else digits.labels
        return x.reshape(len(x), -1) if flatten else x, t

    with remedy(NO_FILES):
        train, test = read_digits(["train", "test"], None, data_dir)
    return arrays(train), arrays(test)


def load_digits(
    split: Literal["test", "train"] = "test",
    dataset: Literal["mnist", "synthetic", "custom"] | None = None,
    *,
    data_dir: str | Path | None = None,
    mirrors: Sequence[str] = (),
) -> Digits:
    """Return a split of a data set, as uint8 images (N, 28, 28) with labels (N,).

    MNIST is downloaded to the cache if it is not on disk yet.

    Parameters
    ----------
    split : {"test", "train"}
    dataset : {"mnist", "synthetic", "custom"}, optional
        `"synthetic"` digits are drawn, always the same, and need no files; `"custom"` ones are
        others than MNIST's, in `data_dir`. By default MNIST, or what `data_dir` holds.
    data_dir : path, optional
        A folder that holds the four files; by default that of `MNIST_BP_DATA_DIR`, or the cache.
    mirrors : sequence of str
        Addresses to download from before the built-in mirrors are asked: http, https or file.

    Returns
    -------
    Digits

    Raises
    ------
    ValueError
        `split` or `dataset` is unknown.
    DataError
        The digits cannot be downloaded, or their files do not hold digits of that data set.
    UsageError
        `data_dir` is not a folder, or an address is not valid.
    """
    words = ("split", split, SPLITS), ("dataset", dataset or MNIST, DATASETS)
    for parameter, word, choices in words:
        if word not in choices:
            raise ValueError(f"{parameter} {word!r} is unknown; choose from {', '.join(choices)}")
    with remedy(NO_FILES):
        return read_digits([split], dataset, data_dir, mirrors)[0]


def read_digits(
    splits: Iterable[str],
    name: str | None = None,
    data_dir: str | Path | None = None,
    mirrors: Sequence[str] = (),
    progress: "Progress | None" = None,
) -> list[Digits]:
    """Return some splits of a data set.

    Parameters
    ----------
    splits : iterable of {"train", "test"}
    name : {"mnist", "synthetic", "custom"}, optional
        The data set; without it, what the folder holds.
    data_dir, mirrors
        As for `load_digits`.
    progress : Progress, optional

    Raises
    ------
    DownloadError
        Files are missing from the cache, and cannot be downloaded to it.
    DataError
        The name is unknown, or the files do not hold digits of that data set.
    UsageError
        `data_dir` is not a folder, or contradicts the name, or an address is not valid.
    """
    folder = _named_folder(data_dir)
    read: Callable[[str], Digits]
    if name not in (None, *DATASETS):
        raise DataError(f"the data set {name} is unknown; choose from {', '.join(DATASETS)}")
    if name == SYNTHETIC and data_dir:
        raise UsageError(f"the synthetic digits are drawn, not read from {data_dir}")
    if name == SYNTHETIC:
        from mnist_bp.data.synthetic import draw_split as read
    elif folder:
        read = UserFolder(folder).read
    elif name == CUSTOM:
        raise DataError("the data set custom is not MNIST's: name the folder that holds it")
    else:
        read = Cache(cache_folder(), mirrors, progress).read
    digits = [read(split) for split in splits]
    other = next((each.dataset for each in digits if each.dataset != (name or MNIST)), None)
    if other and name:
        raise DataError(f"{folder} does not hold the data set {name}, but {other}")
    if other:
        log.warning("the digits in %s are not MNIST's", folder)
    return digits


def fill(
    data_dir: str | Path | None = None,
    mirrors: Sequence[str] = (),
    *,
    force: bool = False,
    progress: "Progress | None" = None,
) -> tuple[Path, list[tuple[str, str]]]:
    """Ensure that a folder, by default the cache, holds the four files of MNIST.

    Parameters
    ----------
    data_dir, mirrors, progress
        As for `read_digits`; a folder that does not exist is created.
    force : bool
        Download all four again, if the folder is the cache; elsewhere nothing is ever replaced.

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
    UsageError
        The folder cannot be created, or an address is not valid.
    """
    folder = _named_folder(data_dir)
    if folder is None:
        cache = Cache(cache_folder(), mirrors, progress)
        return cache.path, list(cache.fill(force))
    make_folder(folder)
    from mnist_bp.data.download import Mirrors

    return folder, list(UserFolder(folder).fill(Mirrors(mirrors, progress)))


def cache_folder() -> Path:
    """Return this package's own folder, where the system keeps caches."""
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("mnist-bp", appauthor=False)).expanduser()
    except RuntimeError as error:
        raise DownloadError("this user has no home folder for the cache: set HOME") from error


def _named_folder(data_dir: str | Path | None) -> Path | None:
    """Return the folder that the user named, by argument or environment."""
    named = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    return Path(named) if named else None
