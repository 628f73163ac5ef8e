"""A setting: a number or a word that a user may choose, with its limits declared as data."""

import json
import sys
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from mnist_bp.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a setting is for, and which values it may have.

    Attributes
    ----------
    default : int, float, str or None
        Its type is the setting's type. None stands for a number that depends on other settings.
    help : str
        A sentence for `--help`.
    minimum, maximum : number, optional
        Both are allowed values themselves.
    above : number, optional
        The value has to be larger than this.
    choices : tuple of str
        The words that are allowed, where the setting is a word.
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
        return float if self.default is None else type(self.default)

    @property
    def limits(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = "a whole number" if self.type is int else "a number"
        if self.above is not None:
            return f"{kind} above {self.above}"
        if self.maximum is not None:
            return f"{kind} from {self.minimum:,} to {self.maximum:,}"
        return f"{kind}, at least {self.minimum}"

    def allows(self, value: Any) -> bool:
        """Return whether a value has the right type and lies within the limits."""
        if self.choices:
            return value in self.choices
        # Integers of NumPy will do. A bool is an int to Python, but `epochs = true` is a mistake.
        numeric: Any = Integral if self.type is int else (Integral, float)
        return (
            isinstance(value, numeric)
            and not isinstance(value, bool)
            and (self.type is int or abs(value) <= sys.float_info.max)
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )

    def check(self, name: str, value: Any) -> Any:
        """Return a value in the setting's type.

        Raises
        ------
        ParameterError
            It has the wrong type or lies outside the limits.
        """
        if not self.allows(value):
            # A list or a table may be nested more deeply than it can be written.
            several = isinstance(value, list | dict)
            shown = "several values" if several else json.dumps(value, default=str)
            raise ParameterError(name, f"must be {self.limits}, not {shown}")
        return self.type(value)

    def parse(self, name: str, text: str) -> Any:
        """Return the value that a text, as from a command line, gives this setting.

        Raises
        ------
        ParameterError
            It is not a value within the limits.
        """
        try:
            value = self.type(text)
        except ValueError:
            value = None
        if not self.allows(value):
            raise ParameterError(name, f"must be {self.limits}, not {text}")
        return value
