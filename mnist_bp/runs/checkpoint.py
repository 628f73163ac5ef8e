"""The checkpoint: what training saves, and what everything else reads.

An `.npz` file that plain `numpy.load` opens, without pickle. `W1`, `b1`, `W2` and `b2` come first,
for anyone's tool; a file with these four is read too, and arrays of other names are ignored. The
rest is the run's record, which holds only what cannot be derived:

    format            2; a higher number is from a newer version
    recipe            every hyperparameter, as TOML text
    dataset           the name of the data set
    dataset_sha256    the digests of its training images and labels, unzipped
    history           a row for each epoch, with the columns of `EpochResult`
    step_losses       the loss of every step
    versions          of mnist-bp, NumPy and Python; the processor and its BLAS kernel
    optimizer.NAME    what the optimizer remembers of each parameter
"""

import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_bp.data.digits import CLASSES, PIXELS
from mnist_bp.errors import NoFileError, ParameterError, UsageError, WeightsError
from mnist_bp.files import replacing
from mnist_bp.functions import Array
from mnist_bp.network import Activation, TwoLayerNet
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.archive import check_sizes, read_array
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.versions import versions as versions

FORMAT = 2
PARAMETERS = ("W1", "b1", "W2", "b2")
RECORD = "format", "recipe", "dataset", "dataset_sha256", "history", "step_losses", "versions"
OPTIMIZER = [f"{state}.{name}" for state in ("velocity", "m", "v") for name in PARAMETERS]
KNOWN = {*PARAMETERS, *RECORD, *(f"optimizer.{key}" for key in OPTIMIZER)}
MAX_HIDDEN, MAX_EPOCHS, MAX_STEPS = 10_000, 100_000, 2**27
"""Hidden units, epochs and steps of the largest run that is read."""

MAX_UNPACKED = 64 * 2**20
"""Bytes that a small file may unpack to; a larger file may be packed to half its size."""


@dataclass(frozen=True)
class EpochResult:
    """One row of the table that `train` prints.

    Attributes
    ----------
    epoch : int
        0 is the untrained net.
    loss : float
        Mean of the losses of the epoch's batches, distorted and smoothed if the recipe says so;
        for epoch 0, the loss over the training digits as they are.
    train_accuracy, test_accuracy : float
        Fractions, measured after the epoch on all training and all test digits; on held-out digits
        in place of the test digits, where some are held out.
    seconds : float
        The time of the epoch's steps, from the first to the last; for epoch 0, that of its
        measurement. Later epochs are measured while the next one trains.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float


_HISTORY = np.dtype([(column.name, column.type) for column in fields(EpochResult)])


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint:
    """A net's parameters, and the record of the run that made them, if there is one.

    Attributes
    ----------
    params : dict of arrays
        `W1` (784, hidden), `b1` (hidden,), `W2` (hidden, 10), `b2` (10,); float32 or float64.
    recipe : Recipe or None
        None for a file with nothing but the parameters.
    dataset : str or None
        The name of the data set that the net was trained on.
    digests : tuple of str
        SHA-256 of its training images and labels, unzipped.
    history : list of EpochResult
    step_losses : float32 array
        The loss of every step.
    optimizer : dict of arrays
        What the optimizer remembers, by name.
    versions : str
    """

    params: dict[str, Array]
    recipe: Recipe | None = None
    dataset: str | None = None
    digests: tuple[str, ...] = ()
    history: Sequence[EpochResult] = ()
    step_losses: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    optimizer: dict[str, Array] = field(default_factory=dict)
    versions: str = ""

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return max(0, len(self.history) - 1)

    def recipe_of_run(self) -> Recipe:
        """Return the recipe, or raise a WeightsError: without one, a run cannot be resumed."""
        if self.recipe is None:
            raise WeightsError("it holds the four arrays alone, and no record of a run")
        return self.recipe

    @property
    def activation(self) -> Activation:
        """The activation of the hidden units: the chapter's ReLU where there is no recipe."""
        return self.recipe.activation if self.recipe else "relu"

    @property
    def net(self) -> TwoLayerNet:
        """The net that computes with these parameters themselves."""
        return TwoLayerNet.from_params(self.params, self.activation)

    def __repr__(self) -> str:
        run = f", {self.epochs} epochs on {self.dataset}" if self.recipe else ""
        return f"<Checkpoint {PIXELS}-{len(self.params['b1'])}-{CLASSES}{run}>"


class HasCheckpoint(Protocol):
    """A run."""

    def checkpoint(self) -> Checkpoint:
        """Return what a file is to hold of it."""


def save_checkpoint(path: Path | str, run: Checkpoint | HasCheckpoint) -> None:
    """Write a checkpoint, so that under its name there is always a whole file.

    Parameters
    ----------
    path : path
        A file of this name is replaced.
    run : Run or Checkpoint

    Raises
    ------
    WeightsError
        The file cannot be written; what was there before still is.
    """
    checkpoint = run if isinstance(run, Checkpoint) else run.checkpoint()
    arrays: dict[str, Any] = {name: checkpoint.params[name] for name in PARAMETERS}
    if checkpoint.recipe:
        arrays |= {
            "format": FORMAT,
            "recipe": checkpoint.recipe.to_toml(),
            "dataset": checkpoint.dataset,
            "dataset_sha256": checkpoint.digests,
            "history": np.array([astuple(row) for row in checkpoint.history], _HISTORY),
            "step_losses": np.asarray(checkpoint.step_losses, np.float32),
            "versions": versions(),
            **{f"optimizer.{name}": array for name, array in checkpoint.optimizer.items()},
        }
    try:
        with replacing(Path(path)) as file:
            np.savez(file, **arrays)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror}") from error


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read and check a checkpoint.

    Parameters that are float16 become float32.

    Raises
    ------
    UsageError
        There is no file at this path.
    WeightsError
        The file is not a checkpoint, or its arrays do not fit this network.
    """
    path = Path(path)
    try:
        NoFileError.check(path)
        with (
            zipfile.ZipFile(path) as archive,
            warnings.catch_warnings(action="ignore"),
            np.errstate(over="ignore"),
        ):
            check_sizes(archive, KNOWN, max(MAX_UNPACKED, 2 * path.stat().st_size))
            return _read(archive)
    except NoFileError as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except WeightsError as error:
        raise WeightsError(f"{path} {error}") from error
    except Exception as error:  # The file may come from anyone, and fail in any way.
        raise WeightsError(f"{path} is not a weights file: {error}") from error


def _read(archive: zipfile.ZipFile) -> Checkpoint:
    """Return what an archive holds."""
    if missing := [name for name in PARAMETERS if f"{name}.npy" not in archive.namelist()]:
        raise WeightsError(f"is not a weights file: it lacks {', '.join(missing)}")
    hidden = read_array(archive, "b1", "f", -MAX_HIDDEN).size
    if not hidden:
        raise WeightsError("has no hidden unit: b1 is empty")
    shapes = {"W1": (PIXELS, hidden), "b1": (hidden,), "W2": (hidden, CLASSES), "b2": (CLASSES,)}
    params = {name: read_array(archive, name, "f", *shape) for name, shape in shapes.items()}
    dtype = np.result_type(np.float32, *params.values())
    params = {name: array.astype(dtype) for name, array in params.items()}
    if "recipe.npy" not in archive.namelist():
        return Checkpoint(params)
    if "format.npy" in archive.namelist() and int(read_array(archive, "format", "iu")) > FORMAT:
        raise WeightsError("is from a newer version of mnist-bp: update this one")
    try:
        recipe = Recipe(**recipes.parse(_text(archive, "recipe", recipes.MAX_BYTES)))
    except (ParameterError, ValueError) as error:
        raise WeightsError(f"has a damaged recipe: {error}") from error
    if recipe.hidden != hidden:
        raise WeightsError(f"has {hidden:,} hidden units, but a recipe for {recipe.hidden:,}")
    optimizer = {
        key: read_array(archive, f"optimizer.{key}", "f", *params[key.split(".")[1]].shape)
        for key in OPTIMIZER
        if f"optimizer.{key}.npy" in archive.namelist()
    }
    return Checkpoint(
        params,
        recipe,
        dataset=_text(archive, "dataset", 100),
        digests=tuple(map(str, read_array(archive, "dataset_sha256", "U", 2, characters=64))),
        history=_history(read_array(archive, "history", "V", -MAX_EPOCHS - 1)),
        step_losses=read_array(archive, "step_losses", "f", -MAX_STEPS).astype(np.float32),
        optimizer=optimizer,
        versions=_text(archive, "versions", 1000),
    )


def _text(archive: zipfile.ZipFile, name: str, most: int) -> str:
    return str(read_array(archive, name, "U", characters=most))


def _history(table: NDArray[Any]) -> list[EpochResult]:
    if table.dtype != _HISTORY:
        raise WeightsError(f"has a history of type {table.dtype}, expected {_HISTORY}")
    rows = [EpochResult(*row) for row in table.tolist()]
    for number, row in enumerate(rows):
        fits = row.epoch == number and 0 <= row.loss < 1e30 and 0 <= row.seconds < 1e12
        if not (fits and 0 <= row.train_accuracy <= 1 and 0 <= row.test_accuracy <= 1):
            raise WeightsError(f"has a damaged history: its row {number} is {row}")
    return rows
