"""The weights file: what training saves, and what everything else reads.

An `.npz` file that plain `numpy.load` opens, without pickle. `W1`, `b1`, `W2` and `b2` come first,
for anyone's tool; a file with nothing but these four is read too. The rest is the run's record:

    format            1; a higher number is from a newer version
    recipe            every hyperparameter, as TOML text
    dataset           the name of the data set
    dataset_sha256    the digests of its training images and labels, unzipped
    progress          epochs finished, and batches done of the next one
    order             the training digits of that epoch in order, if it has begun
    history           a row for each epoch, with the columns of `EpochResult`
    step_losses       the loss of every step
    versions          of mnist-bp, NumPy and Python
    optimizer.NAME    what the optimizer remembers
"""

import math
import platform
import warnings
import zipfile
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mnist_bp
from mnist_bp.data.digits import CLASSES, PIXELS
from mnist_bp.errors import RecipeError, UsageError, WeightsError
from mnist_bp.files import put_aside, replacing
from mnist_bp.functions import Array
from mnist_bp.network import TwoLayerNet
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.history import EpochResult
from mnist_bp.runs.recipe import Recipe

FORMAT = 1
PARAMETERS = ("W1", "b1", "W2", "b2")
RECORD = (
    "format",
    "recipe",
    "dataset",
    "dataset_sha256",
    "progress",
    "order",
    "history",
    "step_losses",
    "versions",
)
MAX_UNPACKED = 64 * 2**20
"""Bytes that a small file may unpack to; a larger file may be packed to half its size."""

_HISTORY = np.dtype([(column.name, column.type) for column in fields(EpochResult)])
_OPTIMIZER = "optimizer."


@dataclass(frozen=True)
class Weights:
    """A net's parameters, and the record of the run that made them, as far as there is one.

    Attributes
    ----------
    params : dict of arrays
        `W1`, `b1`, `W2`, `b2`.
    recipe : Recipe or None
        None for a file with nothing but the parameters.
    dataset : str or None
        The name of the data set that the net was trained on.
    digests : tuple of str
        SHA-256 of its training images and labels, unzipped.
    epochs, batches : int
        Epochs finished, and batches done of the next one.
    order : int array
        The training digits of that epoch, in order, if it has begun.
    history : list of EpochResult
    step_losses : float32 array
        The loss of every step.
    optimizer : dict of arrays
    versions : str
    """

    params: dict[str, Array]
    recipe: Recipe | None = None
    dataset: str | None = None
    digests: tuple[str, ...] = ()
    epochs: int = 0
    batches: int = 0
    order: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    history: list[EpochResult] = field(default_factory=list)
    step_losses: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    optimizer: dict[str, Array] = field(default_factory=dict)
    versions: str = ""

    @property
    def activation(self) -> str:
        """What the hidden units compute: the chapter's ReLU where no recipe says otherwise."""
        return self.recipe.activation if self.recipe else "relu"

    def net(self) -> TwoLayerNet:
        """Return the net that computes with these parameters themselves."""
        return TwoLayerNet.from_params(self.params, self.activation)


def save(path: Path, weights: Weights) -> None:
    """Write a weights file, so that under its name there is always a whole one.

    Raises
    ------
    WeightsError
        The file cannot be written; what was there before still is.
    """
    record: dict[str, Any] = {name: weights.params[name] for name in PARAMETERS}
    if weights.recipe:
        record |= {
            "format": FORMAT,
            "recipe": weights.recipe.to_toml(),
            "dataset": weights.dataset,
            "dataset_sha256": weights.digests,
            "progress": [weights.epochs, weights.batches],
            "order": weights.order,
            "history": np.array([astuple(row) for row in weights.history], _HISTORY),
            "step_losses": np.asarray(weights.step_losses, np.float32),
            "versions": versions(),
            **{f"{_OPTIMIZER}{name}": array for name, array in weights.optimizer.items()},
        }
    try:
        with replacing(path) as file:
            np.savez(file, **record)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror}") from error


def load(path: Path) -> Weights:
    """Read and check a weights file.

    Parameters that are float16 become float32.

    Raises
    ------
    UsageError
        There is no file at this path.
    WeightsError
        The file is not a weights file, or what it holds fits no network.
    """
    if not path.is_file():
        reason = "there is no such file"
        if path.exists():
            reason = "it is a folder" if path.is_dir() else "it is no file, but a device"
        raise UsageError(f"{path} cannot be read: {reason}")
    arrays = _read(path)
    found = arrays.get("format")
    if found is not None and found.dtype.kind == "i" and found.max(initial=0) > FORMAT:
        raise WeightsError(f"{path} is from a newer version of mnist-bp: update this one")
    params = _check_parameters(path, arrays)
    if "recipe" not in arrays:
        return Weights(params)
    try:
        return Weights(
            params,
            Recipe(**recipes.parse(str(arrays["recipe"]))),
            dataset=str(arrays["dataset"]),
            digests=tuple(map(str, arrays["dataset_sha256"])),
            epochs=int(arrays["progress"][0]),
            batches=int(arrays["progress"][1]),
            order=arrays["order"],
            history=_history(arrays["history"]),
            step_losses=arrays["step_losses"].astype(np.float32),
            optimizer={
                name.removeprefix(_OPTIMIZER): array
                for name, array in arrays.items()
                if name.startswith(_OPTIMIZER)
            },
            versions=str(arrays["versions"]),
        )
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, RecipeError) as error:
        raise WeightsError(
            f"{path} holds weights, but a damaged record of its run: {error}"
        ) from error


class RunFile:
    """The file that a run saves its weights to, again and again.

    An older file of the same name is put aside, once, before the first save.

    Parameters
    ----------
    path : Path
    is_ours : bool
        Whether the file that is there already is this run's own.
    """

    def __init__(self, path: Path, is_ours: bool = False) -> None:
        self.path = path
        self.is_ours = is_ours

    def save(self, weights: Weights) -> Path | None:
        """Save the weights; return the second name of the older file, if one was put aside.

        Raises
        ------
        WeightsError
            The file cannot be written; what was there before still is.
        """
        older = None
        if not self.is_ours:
            try:
                older = put_aside(self.path)
            except OSError as error:
                raise WeightsError(f"{self.path} cannot be put aside: {error.strerror}") from error
            self.is_ours = True
        save(self.path, weights)
        return older


def versions() -> str:
    """Return the versions that a result depends on."""
    return (
        f"mnist-bp {mnist_bp.__version__}, numpy {np.__version__}, "
        f"python {platform.python_version()}"
    )


def _history(table: NDArray[Any]) -> list[EpochResult]:
    columns = [column.name for column in fields(EpochResult)]
    return [EpochResult(*row) for row in table[columns].astype(_HISTORY).tolist()]


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            if sum(sizes.values()) > max(MAX_UNPACKED, 2 * path.stat().st_size):
                raise WeightsError(f"{path} unpacks to {sum(sizes.values()):,} bytes: refused")
            return {
                name.removesuffix(".npy"): _read_array(archive, name, size)
                for name, size in sizes.items()
            }
    except WeightsError:
        raise
    except Exception as error:  # The file may come from anyone: whatever ails it, it is no use.
        raise WeightsError(f"{path} is not a weights file: {error}") from error


def _read_array(archive: zipfile.ZipFile, name: str, size: int) -> NDArray[Any]:
    """Return a member of an archive, if its header claims no more than there is."""
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read_header(file)
        if dtype.hasobject:
            raise ValueError(f"{name} holds Python objects")
        if math.prod(shape) * dtype.itemsize != size - file.tell():
            raise ValueError(f"{name} claims the shape {shape} in {size:,} bytes")
    with archive.open(name) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _check_parameters(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, Array]:
    missing = [name for name in PARAMETERS if name not in arrays]
    if missing:
        raise WeightsError(f"{path} is not a weights file: it lacks {', '.join(missing)}")
    known = (*PARAMETERS, *RECORD)
    extra = [name for name in arrays if name not in known and not name.startswith(_OPTIMIZER)]
    if extra:
        raise WeightsError(f"{path} holds more than weights: {', '.join(extra)}")
    hidden = arrays["b1"].size
    expected = {"W1": (PIXELS, hidden), "b1": (hidden,), "W2": (hidden, CLASSES), "b2": (CLASSES,)}
    for name, shape in expected.items():
        found = arrays[name]
        if found.shape != shape:
            raise WeightsError(f"{path}: {name} has shape {found.shape}, expected {shape}")
        if found.dtype.kind != "f" or found.dtype.itemsize > 8:
            raise WeightsError(
                f"{path}: {name} has type {found.dtype}, expected float16, float32 or float64"
            )
        if not np.isfinite(found).all():
            raise WeightsError(f"{path}: {name} holds numbers that are not finite")
    dtype = np.result_type(np.float32, *(arrays[name].dtype for name in PARAMETERS))
    return {name: arrays[name].astype(dtype) for name in PARAMETERS}
