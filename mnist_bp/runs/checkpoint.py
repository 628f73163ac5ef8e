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
    versions          of mnist-bp, NumPy and Python
    optimizer.NAME    what the optimizer remembers of each parameter
"""

import math
import platform
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import mnist_bp
from mnist_bp.errors import NoFileError, ParameterError, UsageError, WeightsError
from mnist_bp.files import replacing
from mnist_bp.functions import Array
from mnist_bp.network import Activation, TwoLayerNet
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.recipe import SETTINGS, Recipe

FORMAT = 2
PARAMETERS = ("W1", "b1", "W2", "b2")
PIXELS, CLASSES = 28 * 28, 10
MAX_HIDDEN = 100_000
MAX_STEPS = 2**27
"""Steps of the longest run that is read: their losses take 512 MB."""

PACKED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
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
            return _read(_Members(archive, max(MAX_UNPACKED, 2 * path.stat().st_size)))
    except NoFileError as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except WeightsError as error:
        raise WeightsError(f"{path} {error}") from error
    except Exception as error:  # The file may come from anyone, and fail in any way.
        raise WeightsError(f"{path} is not a weights file: {error}") from error


def versions() -> str:
    """Return the versions that a result depends on."""
    return (
        f"mnist-bp {mnist_bp.__version__}, numpy {np.__version__}, "
        f"python {platform.python_version()}"
    )


class _Members:
    """The arrays of an archive. Each is checked by its header before it is read."""

    def __init__(self, archive: zipfile.ZipFile, most_bytes: int) -> None:
        self.archive = archive
        self.names = set(archive.namelist())
        self.left = most_bytes

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self.names

    def read(self, name: str, kind: str, *shape: int | None, most: int = 0) -> NDArray[Any]:
        """Return an array.

        Parameters
        ----------
        name : str
        kind : str
            The kinds that its dtype may have: "f", "iu", "U", "V".
        *shape : int or None
            What its shape must be; None stands for any length up to `most`.
        most : int
            The largest such length; for texts, the most characters.

        Raises
        ------
        WeightsError
            It is missing, or has another type or shape.
        """
        if name not in self:
            raise WeightsError(f"lacks {name}")
        if self.archive.getinfo(f"{name}.npy").compress_type not in PACKED:
            raise WeightsError(f"has {name} packed in a way that NumPy does not use")
        with self.archive.open(f"{name}.npy") as file:
            found, dtype = _header(file)
        fits = len(found) == len(shape) and all(
            n == expected or (expected is None and n <= most)
            for n, expected in zip(found, shape, strict=False)
        )
        if not fits:
            text = ", ".join("any" if n is None else str(n) for n in shape)
            raise WeightsError(f"has {name} of shape {found}, expected ({text})")
        size = dtype.itemsize // 4 if dtype.kind == "U" else dtype.itemsize
        if dtype.kind not in kind or not 0 < size <= {"U": most, "V": 64}.get(dtype.kind, 8):
            raise WeightsError(f"has {name} of type {dtype}, which is not the type expected")
        self.left -= math.prod(found) * dtype.itemsize
        if self.left < 0:
            raise WeightsError(f"unpacks to far more than its own size at {name}: refused")
        with self.archive.open(f"{name}.npy") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
            if file.read(1):
                raise WeightsError(f"has bytes after the end of {name}")
        return array

    def text(self, name: str, most: int) -> str:
        """Return a text of at most so many characters."""
        return str(self.read(name, "U", most=most))


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and the dtype that the header of an `.npy` file claims."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    return shape, dtype


def _read(members: _Members) -> Checkpoint:
    """Return what an archive holds."""
    if missing := [name for name in PARAMETERS if name not in members]:
        raise WeightsError(f"is not a weights file: it lacks {', '.join(missing)}")
    b1 = members.read("b1", "f", None, most=MAX_HIDDEN)
    if not b1.size:
        raise WeightsError("has no hidden unit: b1 is empty")
    shapes = {"W1": (PIXELS, b1.size), "b1": b1.shape, "W2": (b1.size, CLASSES), "b2": (CLASSES,)}
    params = {name: members.read(name, "f", *shape) for name, shape in shapes.items()}
    for name, array in params.items():
        if not np.isfinite(array).all():
            raise WeightsError(f"has numbers in {name} that are not finite")
    dtype = np.result_type(np.float32, *params.values())
    params = {name: array.astype(dtype) for name, array in params.items()}
    if "recipe" not in members:
        return Checkpoint(params)
    try:
        return _read_record(members, params)
    except (ParameterError, ValueError) as error:
        raise WeightsError(f"has a damaged recipe: {error}") from error


def _read_record(members: _Members, params: dict[str, Array]) -> Checkpoint:
    """Return the parameters with the record of their run."""
    if "format" in members and int(members.read("format", "iu")) > FORMAT:
        raise WeightsError("is from a newer version of mnist-bp: update this one")
    recipe = Recipe(**recipes.parse(members.text("recipe", recipes.MAX_BYTES)))
    if recipe.hidden != len(params["b1"]):
        raise WeightsError(f"has {len(params['b1'])} hidden units, its recipe {recipe.hidden}")
    optimizer = {
        f"{state}.{name}": members.read(f"optimizer.{state}.{name}", "f", *array.shape)
        for state in ("velocity", "m", "v")
        for name, array in params.items()
        if f"optimizer.{state}.{name}" in members
    }
    step_losses = members.read("step_losses", "f", None, most=MAX_STEPS).astype(np.float32)
    if not all(np.isfinite(array).all() for array in (step_losses, *optimizer.values())):
        raise WeightsError("has numbers in its record that are not finite")
    return Checkpoint(
        params,
        recipe,
        dataset=members.text("dataset", 100),
        digests=tuple(map(str, members.read("dataset_sha256", "U", 2, most=64))),
        history=_read_history(members),
        step_losses=step_losses,
        optimizer=optimizer,
        versions=members.text("versions", 1000),
    )


def _read_history(members: _Members) -> list[EpochResult]:
    table = members.read("history", "V", None, most=int(SETTINGS["epochs"].maximum or 0) + 1)
    if table.dtype != _HISTORY:
        raise WeightsError(f"has a history of type {table.dtype}, expected {_HISTORY}")
    rows = [EpochResult(*row) for row in table.tolist()]
    for number, row in enumerate(rows):
        accuracies = row.train_accuracy, row.test_accuracy
        if not (
            row.epoch == number
            and 0 <= row.loss < 1e30
            and 0 <= row.seconds < 1e12
            and all(0 <= accuracy <= 1 for accuracy in accuracies)
        ):
            raise WeightsError(f"has a damaged history: its row {number} is {row}")
    return rows
