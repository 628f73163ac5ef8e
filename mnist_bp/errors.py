"""The errors that a user can meet.

    MnistBpError               exit status 1: the check or the run failed
    ├── CheckError                 a gradient check that does not hold
    ├── DataError                  digits that cannot be read or used
    │   └── DownloadError          MNIST, which cannot be downloaded
    ├── DivergedError              a run whose loss is not a finite number, or whose net has died
    ├── OutputError                a result that cannot be written
    ├── PictureError               a picture that cannot be read, or shows no digit
    ├── StoppedError               a run that was asked to stop; exit status 128 + the signal
    ├── WeightsError               weights that cannot be read, used or resumed
    └── UsageError             exit status 2: wrong usage, found before any work is done
        ├── GraphError             a formula that cannot be read, or not be computed
        ├── MissingExtraError      packages that are installed only on request
        ├── NoFileError            a path without a file
        └── ParameterError         a value that a parameter cannot have
            └── RecipeError        the same in a recipe

Each says what is wrong, with which file or address, and what to do next: in one line, or in several
that are given one by one. Only the command line turns them into output and exit statuses.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar


class MnistBpError(Exception):
    """The root of all errors that a user can meet.

    Parameters
    ----------
    *lines : str
        The lines of the message. A line break inside one of them came from a file or a server, and
        is not printed as one.
    """

    exit_status: int = 1
    label: ClassVar[str] = "Error:"

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines

    def __str__(self) -> str:
        return "\n".join(self.lines)


class CheckError(MnistBpError):
    """A gradient check does not hold."""


class DataError(MnistBpError):
    """Digits cannot be read or used."""


class DownloadError(DataError):
    """MNIST cannot be downloaded."""


@contextmanager
def remedy(line: str) -> Iterator[None]:
    """Add a line that says what helps to an error about digits."""
    try:
        yield
    except DataError as error:
        raise type(error)(*error.lines, line) from error


class DivergedError(MnistBpError):
    """The loss of a run is not a finite number, or its net has died."""


class OutputError(MnistBpError):
    """A result cannot be written."""


class PictureError(MnistBpError):
    """A picture cannot be read, or shows no digit."""


class StoppedError(MnistBpError):
    """A signal asked a run to stop."""

    label = "Stopped:"

    def __init__(self, number: int, *lines: str) -> None:
        super().__init__(*lines)
        self.number = number
        self.exit_status = 128 + number


class WeightsError(MnistBpError):
    """Weights cannot be read, used or resumed."""


class UsageError(MnistBpError):
    """A flag, a recipe or a path cannot be used."""

    exit_status = 2


class GraphError(UsageError):
    """A formula cannot be read, or cannot be computed with the values it is given."""


class MissingExtraError(UsageError):
    """A command needs packages that are installed only on request."""

    @classmethod
    def check(cls, extra: str, *modules: str) -> None:
        """Raise, before the work and without importing anything, unless all modules are there."""
        missing = [module for module in modules if find_spec(module) is None]
        if missing:
            raise cls(f'this needs {", ".join(missing)}: pip install "mnist-bp[{extra}]"')


class NoFileError(UsageError):
    """A path has no file."""

    @classmethod
    def check(cls, path: Path) -> None:
        """Raise a NoFileError, with the reason, unless there is a regular file at a path."""
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            raise cls("there is no such file") from None
        except OSError as error:
            raise cls(f"it cannot be opened: {error.strerror}") from error
        if not stat.S_ISREG(mode):
            raise cls("it is a folder" if stat.S_ISDIR(mode) else "it is not a file but a device")


class ParameterError(UsageError):
    """A parameter cannot have this value.

    Attributes
    ----------
    parameter : str
        Its name in Python; a recipe's key is the same, and the flag has `-` for `_`.
    problem : str
        What is wrong with it, as the rest of a sentence that begins with the name.
    """

    def __init__(self, parameter: str, problem: str) -> None:
        super().__init__(f"{parameter} {problem}")
        self.parameter = parameter
        self.problem = problem


class RecipeError(ParameterError):
    """A hyperparameter in a recipe is unknown, of the wrong type, or out of its limits."""
