"""The recipe of a run: every hyperparameter, its limits, and how it is read and written as TOML."""

import json
import sys
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mnist_bp.errors import RecipeError, UsageError


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A number or a word that a user may choose: what it is for, and what it may be.

    Attributes
    ----------
    default : int, float or str
        Its type is the setting's type.
    help : str
        A sentence for `--help`.
    minimum, maximum : number, optional
        Both are allowed values themselves.
    above : number, optional
        The value has to be larger than this.
    choices : tuple of str
        All the words that are allowed, where the setting is a word.
    """

    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def type(self) -> type:
        """The type of the setting's values."""
        return type(self.default)

    @property
    def limits(self) -> str:
        """What values are allowed, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = "a whole number" if self.type is int else "a number"
        if self.above is not None:
            return f"{kind} above {self.above}"
        if self.maximum is not None:
            return f"{kind} from {self.minimum} to {self.maximum}"
        return f"{kind}, at least {self.minimum}"

    def allows(self, value: Any) -> bool:
        """Return whether a value has the right type and lies within the limits."""
        if self.choices:
            return value in self.choices
        # A bool is an int to Python, but `epochs = true` is a slip of the pen.
        numeric = int if self.type is int else (int, float)
        return (
            isinstance(value, numeric)
            and not isinstance(value, bool)
            and (self.type is int or abs(value) <= sys.float_info.max)
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )

    def parse(self, key: str, text: str) -> Any:
        """Return the value that a text, as from a command line, gives this setting.

        Raises
        ------
        RecipeError
            It gives none within the limits.
        """
        try:
            value = self.type(text)
        except ValueError:
            value = None
        if not self.allows(value):
            raise RecipeError(key, f"must be {self.limits}, not {text}")
        return value


def _setting(default: Any, help: str, **limits: Any) -> Any:
    setting = Setting(default=default, help=help, **limits)
    return field(default=default, metadata={"setting": setting})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every hyperparameter of a run. Two runs with equal recipes, on the same digits, end equal.

    Raises
    ------
    RecipeError
        A value has the wrong type or is out of its limits.
    """

    epochs: int = _setting(
        17, "How often to go through the training digits.", minimum=1, maximum=10**9
    )
    batch_size: int = _setting(100, "Digits in a batch: each is a step of learning.", minimum=1)
    lr: float = _setting(0.1, "Learning rate.", above=0)
    hidden: int = _setting(50, "Hidden units.", minimum=1)
    activation: str = _setting("relu", "What hidden units compute.", choices=("relu", "sigmoid"))
    init: str = _setting(
        "normal",
        "Standard deviation of the weights at the start: weight_init_std for both layers, or He's "
        "(for ReLU) or Xavier's (for the sigmoid), which depend on their inputs.",
        choices=("normal", "he", "xavier"),
    )
    weight_init_std: float = _setting(
        0.01, "Standard deviation of the weights at the start, where init is normal.", minimum=0
    )
    optimizer: str = _setting(
        "sgd",
        "What makes a step of a gradient: gradient descent, with Nesterov's momentum, or Adam.",
        choices=("sgd", "nesterov", "adam"),
    )
    momentum: float = _setting(
        0.0, "Share of the last step's velocity that is kept.", minimum=0, maximum=0.999
    )
    schedule: str = _setting(
        "constant",
        "How the learning rate falls, towards 0 at the end of the run.",
        choices=("constant", "linear", "cosine"),
    )
    warmup: float = _setting(
        0.0, "Share of the run in which the learning rate rises first.", minimum=0, maximum=1
    )
    weight_decay: float = _setting(
        0.0, "Share of each weight, times the learning rate, that a step takes off.", minimum=0
    )
    label_smoothing: float = _setting(
        0.0,
        "Share of the target that all ten digits get in equal parts.",
        minimum=0,
        maximum=0.9,
    )
    rotation: float = _setting(0.0, "Turn images by up to so many degrees.", minimum=0, maximum=180)
    scaling: float = _setting(
        0.0,
        "Look up places nearer or further apart by up to this fraction, down and across each: 0.1 "
        "makes images up to 11 % larger or 9 % smaller.",
        minimum=0,
        maximum=0.9,
    )
    shear: float = _setting(
        0.0, "Slant images by up to so many pixels for each of height.", minimum=0, maximum=2
    )
    shift: float = _setting(
        0.0, "Move images by up to so many pixels, each way.", minimum=0, maximum=28
    )
    elastic: float = _setting(
        0.0,
        "Bend images: standard deviation of the displacement, in pixels.",
        minimum=0,
        maximum=28,
    )
    smoothness: float = _setting(
        4.0,
        "Over how many pixels the displacement of the elastic bending varies.",
        minimum=0.5,
        maximum=28,
    )
    sampling: str = _setting(
        "shuffle",
        "How batches are drawn: every digit once an epoch in a new order, or any digit at any "
        "time, as in the chapter.",
        choices=("shuffle", "replacement"),
    )
    validation: int = _setting(
        0,
        "Hold out the last so many training digits, and report on them instead of the test "
        "digits, which are not read.",
        minimum=0,
    )
    seed: int = _setting(0, "Where all that is random starts.", minimum=0, maximum=2**63 - 1)
    threads: int = _setting(
        1,
        "Threads of a matrix product; its last bits depend on them. More than there are free cores "
        "make it slow.",
        minimum=1,
        maximum=1024,
    )

    def __post_init__(self) -> None:
        for key, setting in settings().items():
            _check(key, getattr(self, key))
            # `lr = 1` is 1.0: equal recipes are to be written equally.
            object.__setattr__(self, key, setting.type(getattr(self, key)))
        if self.optimizer == "nesterov" and not self.momentum:
            raise RecipeError("momentum", "must be above 0 for nesterov: 0.9 is usual")
        if self.optimizer == "adam" and self.momentum:
            raise RecipeError(
                "momentum", f"must be 0 for adam, which has its own, not {self.momentum}"
            )

    @property
    def measured_on(self) -> str:
        """What the digits are called that a run is measured on, beside its training digits."""
        return "held-out" if self.validation else "test"

    def to_toml(self) -> str:
        """Return the recipe as TOML, a line for each hyperparameter."""
        # Numbers and words look the same in JSON and in TOML.
        return "".join(f"{key} = {json.dumps(getattr(self, key))}\n" for key in settings())


def settings() -> dict[str, Setting]:
    """Return every hyperparameter, by the name it has in recipes, in the order of `Recipe`."""
    return {each.name: each.metadata["setting"] for each in fields(Recipe)}


def parse(toml: str) -> dict[str, Any]:
    """Return the hyperparameters that a recipe sets.

    Raises
    ------
    RecipeError
        A key is unknown, or a value out of its limits.
    tomllib.TOMLDecodeError
        The text is not TOML.
    """
    values = tomllib.loads(toml)
    for key in values:
        if key not in settings():
            raise RecipeError(key, f"is no hyperparameter; there are {', '.join(settings())}")
        # Whether they fit together is seen when flags have had their say.
        _check(key, values[key])
    return values


def _check(key: str, value: Any) -> None:
    setting = settings()[key]
    if not setting.allows(value):
        raise RecipeError(key, f"must be {setting.limits}, not {json.dumps(value, default=str)}")


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
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except RecipeError as error:
        raise RecipeError(error.key, f"{error.problem} (in the recipe {path})") from error
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no recipe {name}: it is no file, and the built-in ones are "
            f"{', '.join(built_in())}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"the recipe {path} cannot be read: {reason}") from error


def built_in() -> dict[str, Path]:
    """Return the recipes that come with the package, by name."""
    package = Path(__file__).parent.parent
    # A wheel has the recipes inside the package, a checkout beside it.
    inside, beside = package / "configs", package.parent / "configs"
    folder = inside if inside.is_dir() else beside
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}
