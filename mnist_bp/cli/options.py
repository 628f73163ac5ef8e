"""The options that commands share, and how a setting becomes an option."""

import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mnist_bp.cli import messages
from mnist_bp.errors import DownloadError, remedy
from mnist_bp.runs.settings import Setting

if TYPE_CHECKING:
    from mnist_bp.data.digits import Digits


def option(
    help: str, *names: str, metavar: str | None = "FILE", words: Collection[str] = (), **more: Any
) -> Any:
    """Return an option; its default stands in its help. The shell completes its words, or files."""
    more |= {"autocompletion": starting_with(words)} if words else {}
    return typer.Option(*names, help=help, metavar=metavar, show_default=False, **more)


def starting_with(words: Collection[str]) -> Callable[[str], list[str]]:
    """Return a function that gives the shell those of these words that fit what was typed."""
    # Typer knows the argument by its name.
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


Json = Annotated[bool, option("Print one JSON object instead of tables.", "--json", metavar=None)]
Title = Annotated[str | None, option("Title of the page.", metavar="TEXT")]
DATA_DIR = (
    "Folder with the four files of MNIST, gzipped or not. [default: $MNIST_BP_DATA_DIR, or the "
    "cache folder]"
)
DataDir = Annotated[Path | None, option(DATA_DIR, metavar="DIR")]
MIRROR = "Address to download from before the built-in mirrors: http, https or file. Repeatable."
Mirrors = Annotated[list[str] | None, option(MIRROR, metavar="URL")]
DATASET = "Digits to use: MNIST's, or synthetic ones, drawn by this package with no network."
Dataset = Annotated[
    Literal["mnist", "synthetic"] | None, option(DATASET, metavar="mnist|synthetic")
]


@dataclass(frozen=True)
class DigitsOptions:
    """Which digits the user asked for: see `data.sources.read_digits`."""

    dataset: str | None
    data_dir: Path | None
    mirror: list[str] | None

    def read(self, dataset: str | None, *splits: str) -> "list[Digits]":
        """Read splits of a data set."""
        from mnist_bp.data.sources import read_digits

        mirrors, bar = self.mirror or (), messages.bytes_bar
        with remedy("--data-dir names a folder with other digits, --dataset synthetic needs none"):
            return read_digits(splits, dataset, self.data_dir, mirrors, bar)

    def read_or_draw(self, *splits: str) -> "list[Digits]":
        """Read what the user asked for; where MNIST cannot be reached, draw synthetic digits."""
        try:
            return self.read(self.dataset, *splits)
        except DownloadError as error:
            if self.dataset:
                raise
            messages.warn(f"MNIST could not be reached: {error.lines[0]}", *error.lines[1:])
            messages.warn("going on with the synthetic digits instead of MNIST")
            return self.read("synthetic", *splits)


def with_digits(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which digits to use; it gets them as `source`."""
    options = {"dataset": Dataset, "data_dir": DataDir, "mirror": Mirrors}
    return _with_options(command, options, "source", lambda values: DigitsOptions(**values))


def with_settings(
    settings: dict[str, Setting],
    parse: Callable[[Setting, str, str], Any] = Setting.parse,
    more: str = "",
) -> Callable[..., Any]:
    """Give a command an option for each setting; it gets those that are used, as `flags`.

    What a text means, `parse` finds out; `more` goes behind what the help shows for a value.
    """

    def parse_all(texts: dict[str, str | None]) -> dict[str, Any]:
        return {k: parse(settings[k], k, text) for k, text in texts.items() if text is not None}

    def annotation(setting: Setting) -> Any:
        metavar = ("|".join(setting.choices) or ("N" if setting.type is int else "X")) + more
        default = "" if setting.default is None else f" [default: {setting.default}]"
        shown = option(setting.help + default, metavar=metavar, words=setting.choices)
        return Annotated[str | None, shown]

    options = {key: annotation(setting) for key, setting in settings.items()}
    return lambda command: _with_options(command, options, "flags", parse_all)


def _with_options(
    command: Callable[..., None],
    options: dict[str, Any],
    argument: str,
    convert: Callable[[dict[str, Any]], Any],
) -> Callable[..., None]:
    """Put options in the place of an argument, which is then what `convert` makes of their values.

    Typer reads a command's options from its signature, so the signature is what changes.
    """

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        chosen = {key: values.pop(key) for key in options}
        command(**values, **{argument: convert(chosen)})

    own = inspect.signature(command).parameters
    keyword = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
    parameters = [own[name] for name in own if name != argument]
    parameters += [keyword(key, default=None, annotation=options[key]) for key in options]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapper
