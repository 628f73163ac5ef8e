"""The errors a user can meet.

    MnistBpError               exit status 1: the check or the run failed
    ├── CheckError                 a gradient check that does not hold
    ├── DataError                  digits that cannot be read or are not what they seem
    │   └── DownloadError          digits that no mirror delivered
    ├── DivergedError              a run whose loss is no number any more, or whose net has died
    ├── PictureError               a picture that cannot be read, or shows no digit
    ├── StoppedError               a run that was asked to stop; exit status 128 + the signal
    ├── WeightsError               weights that cannot be read or saved
    └── UsageError             exit status 2: wrong usage, found before any work is done
        ├── MissingExtraError      packages that are installed only if they are asked for
        ├── NoFileError            a path where there is nothing, or no file
        └── RecipeError            a hyperparameter that is unknown or out of its limits

Each carries one message that says what is wrong, with which file or address, and what to do next.
Only the command line turns them into output and exit statuses.
"""

from typing import ClassVar


class MnistBpError(Exception):
    """The root of all errors that are the user's to know about."""

    exit_status: int = 1
    label: ClassVar[str] = "Error:"


class CheckError(MnistBpError):
    """A gradient check did not hold."""


class DataError(MnistBpError):
    """Digits cannot be read, or are not what they seem."""


class DownloadError(DataError):
    """No mirror delivered a file of MNIST."""


class DivergedError(MnistBpError):
    """The loss of a run is no longer a finite number, or its net has died."""


class PictureError(MnistBpError):
    """A picture cannot be read, or shows no digit."""


class StoppedError(MnistBpError):
    """A signal asked a run to stop."""

    label = "Stopped:"

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.exit_status = 128 + number


class WeightsError(MnistBpError):
    """A weights file cannot be read or saved."""


class UsageError(MnistBpError):
    """A flag, a recipe or a path cannot be used."""

    exit_status = 2


class MissingExtraError(UsageError):
    """A command needs packages that are installed only if they are asked for."""

    def __init__(self, need: str, extra: str) -> None:
        super().__init__(f'{need}: pip install "mnist-bp[{extra}]"')


class NoFileError(UsageError):
    """There is nothing at a path, or it is no file."""


class RecipeError(UsageError):
    """A hyperparameter is unknown, of the wrong type, or out of its limits.

    Attributes
    ----------
    key : str
        The hyperparameter's name, as recipes spell it.
    problem : str
        What is wrong with it, as the rest of a sentence that begins with the key.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key} {problem}")
        self.key = key
        self.problem = problem
