"""The options that commands share, and how a setting becomes one."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_bp.errors import RecipeError, UsageError
from mnist_bp.recipe import Setting

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder with the four files of MNIST, gzipped or not. "
        "\\[default: $MNIST_BP_DATA_DIR, or the cache folder]",
        metavar="DIR",
    ),
]
Mirrors = Annotated[
    list[str] | None,
    typer.Option(
        "--mirror",
        help="Address to download from before the built-in mirrors are asked; may be repeated.",
        metavar="URL",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def with_settings(settings: dict[str, Setting], panel: str) -> Callable[..., Any]:
    """Give a command an option for each setting; it gets those that are used, as `flags`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_options(**values: Any) -> None:
            texts = {key: values.pop(key) for key in settings}
            try:
                flags = {
                    k: settings[k].parse(k, text) for k, text in texts.items() if text is not None
                }
            except RecipeError as error:
                raise UsageError(f"{_flag(error.key)} {error.problem}") from error
            command(**values, flags=flags)

        own = [p for p in inspect.signature(command).parameters.values() if p.name != "flags"]
        options = [
            inspect.Parameter(
                key,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[str | None, _option(setting, panel)],
            )
            for key, setting in settings.items()
        ]
        signature = inspect.Signature([*own, *options])
        with_options.__signature__ = signature  # type: ignore[attr-defined]
        with_options.__annotations__ = {p.name: p.annotation for p in [*own, *options]}
        return with_options

    return decorate


def _option(setting: Setting, panel: str) -> Any:
    metavar = "|".join(setting.choices) or ("N" if setting.type is int else "X")
    help = f"{setting.help} \\[default: {setting.default}]"
    return typer.Option(help=help, metavar=metavar, rich_help_panel=panel)


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"
