"""The recipe of a run: every hyperparameter, its limits, and how it is read and written as TOML.

NumPy is not imported here: a wrong flag is reported before it would be loaded.
"""

import difflib
import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from mnist_bp.errors import NoFileError, ParameterError, RecipeError, UsageError
from mnist_bp.runs.settings import Setting

if TYPE_CHECKING:
    from mnist_bp.data.distortion import Distortion

Measured: TypeAlias = Literal["test", "held-out"]

MAX_BYTES = 4096
"""Size of the largest recipe that is read: TOML can take time that grows with its square."""

MAX_ACTIVATIONS = 10**8
"""Hidden units times digits of a batch: more would take gigabytes of memory."""

FORMER = {"averaging": 0.0, "lr_end": 0.0}
"""Hyperparameters that are gone, with the values that did nothing: files still hold these."""

DEFAULT_RATES = {"sgd": 0.1, "nesterov": 0.1, "adam": 0.001}


def _setting(default: Any, help: str, minimum: Any = None, maximum: Any = None, **more: Any) -> Any:
    limits = {"help": help, "minimum": minimum, "maximum": maximum, **more}
    return field(default=default, metadata=limits)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every hyperparameter of a run. Two runs with equal recipes, on the same digits, end equal.

    Raises
    ------
    ParameterError
        A value has the wrong type, is out of its limits, or contradicts another.
    """

    epochs: int = _setting(17, "Passes through the training digits.", 1, 100_000)
    batch_size: int = _setting(100, "Digits in a batch; each batch is one step.", 1, 1_000_000)
    lr: float = _setting(None, "Learning rate. [default: 0.1, for adam 0.001]", above=0)
    hidden: int = _setting(50, "Hidden units.", 1, 10_000)
    activation: Literal["relu", "sigmoid"] = _setting("relu", "What the hidden units compute.")
    init: Literal["normal", "he", "xavier"] = _setting(
        "normal",
        "How large weights start: weight_init_std, or the rules of He (for ReLU) or Xavier (for "
        "the sigmoid), which depend on the number of inputs.",
    )
    weight_init_std: float = _setting(
        0.01, "Standard deviation of the weights at the start, where init is normal.", 0, 1000
    )
    optimizer: Literal["sgd", "nesterov", "adam"] = _setting(
        "sgd", "Gradient descent, with Nesterov's momentum, or Adam."
    )
    momentum: float = _setting(
        0.0, "For sgd and nesterov: share of the last step's velocity that is kept.", 0, 0.999
    )
    schedule: Literal["constant", "linear", "cosine"] = _setting(
        "constant", "How the learning rate falls until the end of the run."
    )
    warmup: float = _setting(
        0.0, "Share of the run in which the learning rate first rises, in a straight line.", 0, 1
    )
    weight_decay: float = _setting(
        0.0, "Share of each weight, times the learning rate, that a step takes off.", 0
    )
    label_smoothing: float = _setting(
        0.0, "Share of the target that is spread over all ten digits.", 0, 0.9
    )
    rotation: float = _setting(0.0, "Distortion: rotate images by up to X degrees.", 0, 180)
    scaling: float = _setting(
        0.0, "Distortion: stretch or shrink each side; 0.1: 9 % smaller to 11 % larger.", 0, 0.9
    )
    shear: float = _setting(0.0, "Distortion: slant by up to X pixels per pixel of height.", 0, 2)
    shift: float = _setting(0.0, "Distortion: move by up to X pixels, across and down.", 0, 28)
    elastic: float = _setting(
        0.0, "Distortion: standard deviation of the elastic displacement, in pixels.", 0, 28
    )
    smoothness: float = _setting(
        4.0, "Distortion: pixels over which the elastic displacement varies.", 0.5, 28
    )
    sharpening: float = _setting(
        0.0, "Distortion: sharpen images first; 0.083 makes up for the blur it causes.", 0, 1
    )
    distortion_end: float = _setting(
        1.0, "Share of the distortion that is left at the end; it falls from half-way on.", 0, 1
    )
    sampling: Literal["shuffle", "replacement"] = _setting(
        "shuffle", "Every digit once per epoch, in a new order, or drawn with replacement."
    )
    validation: int = _setting(
        0, "Hold out the last N training digits, and measure on them, not on the test digits.", 0
    )
    seed: int = _setting(
        0, "Seed of everything random: the same seed, the same bits.", 0, 2**63 - 1
    )
    threads: int = _setting(
        1, "Threads of a matrix product; the last bits of results depend on them.", 1, 1024
    )

    def __post_init__(self) -> None:
        if self.lr is None:
            object.__setattr__(self, "lr", DEFAULT_RATES.get(self.optimizer, 0.1))
        for name, setting in SETTINGS.items():
            # `lr = 1` becomes 1.0: equal recipes are written equally.
            object.__setattr__(self, name, setting.check(name, getattr(self, name)))
        if self.optimizer == "nesterov" and not self.momentum:
            raise ParameterError("momentum", "must be above 0 for nesterov: 0.9 is usual")
        if self.optimizer == "adam" and self.momentum:
            problem = f"must be 0 for adam, which has its own, not {self.momentum}"
            raise ParameterError("momentum", problem)
        if self.weight_decay * self.lr >= 1:
            # A step would take off whole weights, or more.
            limit = f"must be below {1 / self.lr:g} where lr is {self.lr:g}"
            raise ParameterError("weight_decay", f"{limit}, not {self.weight_decay:g}")
        if self.batch_size > (most := MAX_ACTIVATIONS // self.hidden):
            problem = f"must be at most {most:,} with {self.hidden:,} hidden units"
            raise ParameterError("batch_size", f"{problem}, not {self.batch_size:,}")

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that a run reads: with digits held out, not the test digits."""
        return ("train",) if self.validation else ("train", "test")

    @property
    def measured_on(self) -> Measured:
        """The name of the digits that a run is measured on, beside its training digits."""
        return "held-out" if self.validation else "test"

    @property
    def distortion(self) -> "Distortion":
        """How much the training images are distorted."""
        from mnist_bp.data.distortion import Distortion

        return Distortion(**{each.name: getattr(self, each.name) for each in fields(Distortion)})

    def distortion_in(self, epoch: int) -> "Distortion":
        """How much the training images are distorted in an epoch (1, 2, ...)."""
        second_half = max(0.0, 2 * epoch / self.epochs - 1)
        return self.distortion.weakened(1 - (1 - self.distortion_end) * second_half)

    def to_toml(self) -> str:
        """Return the recipe as TOML, a line for each hyperparameter."""
        # Numbers and words look the same in JSON and in TOML.
        return "".join(f"{name} = {json.dumps(value)}\n" for name, value in asdict(self).items())


SETTINGS: dict[str, Setting] = {
    each.name: Setting(default=each.default, choices=get_args(each.type), **each.metadata)
    for each in fields(Recipe)
}
"""Every hyperparameter, by the name it has in recipes, in the order of `Recipe`."""


def parse(toml: str) -> dict[str, Any]:
    """Return the hyperparameters that a recipe sets.

    Raises
    ------
    ParameterError
        A key is unknown, or a value out of its limits.
    ValueError
        The text is not TOML, or too large.
    """
    if len(toml) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
    try:
        values = tomllib.loads(toml)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    values = {name: value for name, value in values.items() if FORMER.get(name) != value}
    for name, value in values.items():
        if name not in SETTINGS:
            nearest = difflib.get_close_matches(name, SETTINGS, 1, cutoff=0.65)
            known = f"choose from {', '.join(SETTINGS)}"
            choice = f"did you mean {nearest[0]}?" if nearest else known
            raise ParameterError(name, f"is unknown; {choice}")
        # Whether they fit together is checked when flags have been added.
        SETTINGS[name].check(name, value)
    return values


def read(name: str) -> dict[str, Any]:
    """Return the hyperparameters that a recipe sets, given its file or the name of a built-in one.

    Raises
    ------
    UsageError
        There is no such recipe, or it cannot be read.
    RecipeError
        A key is unknown, or a value out of its limits.
    """
    path = built_in().get(name, Path(name))
    if path == Path(name) and not path.exists():
        known = f"the built-in recipes are {', '.join(built_in())}"
        raise UsageError(f"there is no recipe {name}: it is not a file, and {known}")
    try:
        NoFileError.check(path)
        with path.open("rb") as file:
            return parse(file.read(MAX_BYTES + 1).decode("utf-8-sig"))
    except ParameterError as error:
        problem = f"{error.problem} (in the recipe {path})"
        raise RecipeError(error.parameter, problem) from error
    except (OSError, ValueError, NoFileError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"the recipe {path} cannot be read: {reason}") from error


def built_in() -> dict[str, Path]:
    """Return the recipes that come with the package, by name."""
    package = Path(__file__).parent.parent
    # A wheel has the recipes inside the package, a checkout beside it.
    inside, beside = package / "configs", package.parent / "configs"
    folder = inside if inside.is_dir() else beside
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}
