"""The files that a command writes: checked before the work, as they will be written."""

import os
from collections.abc import Callable
from pathlib import Path

from mnist_bp.cli import messages
from mnist_bp.errors import MissingExtraError, OutputError, UsageError
from mnist_bp.files import check_appendable, check_back_up, check_writable, replacing


def check_outputs(
    outputs: dict[str, Path | None],
    inputs: dict[str, Path | None],
    checks: dict[str, Callable[[Path], None]] | None = None,
) -> None:
    """Find out before the work that a result can be written, and that it overwrites no other file.

    Parameters
    ----------
    outputs, inputs : dict
        From each option or argument to its path: those that will be written, and those that are
        read. Options without a path do not count.
    checks : dict
        How an output is checked, where that is not by `files.check_writable`. What
        `files.check_appendable` checks may be a device.

    Raises
    ------
    UsageError
        A folder is missing, a file cannot be written, or it is named twice.
    """
    checks = checks or {}
    used = {name: path for name, path in inputs.items() if path}
    for name, path in outputs.items():
        if not path:
            continue
        _check(name, path, checks.get(name))
        if path.is_file() or not path.exists():
            for other, taken in used.items():
                if same_file(path, taken):
                    raise UsageError(f"{name} {path} is the file of {other}: name another file")
        used[name] = path


def _check(name: str, path: Path, check: Callable[[Path], None] | None) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"{name} {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"{name} {path}: this is a folder, not a file")
    if path.exists() and not path.is_file() and check is not check_appendable:
        raise UsageError(f"{name} {path}: this is a device, not a file")
    try:
        (check or check_writable)(path)
    except OSError as error:
        raise UsageError(f"{name} {path}: it cannot be written: {error.strerror}") from error


def same_file(first: Path, second: Path) -> bool:
    """Return whether two paths are those of one file, by links of any kind."""
    if first.exists() and second.exists():
        return first.samefile(second)
    return os.path.realpath(first) == os.path.realpath(second)


def check_output(path: Path) -> None:
    """Find out whether a file can be written, and an older one kept under another name."""
    check_writable(path)
    check_back_up(path)


def check_page(path: Path | None, title: str | None, inputs: dict[str, Path | None]) -> None:
    """Find out before the work whether a page can be made and written."""
    if title and not path:
        raise UsageError("--title is the title of a page: name its file with --report")
    if path:
        MissingExtraError.check("report", "matplotlib", "jinja2")
        # Charts need no backend, and Matplotlib fails where this one cannot be used.
        os.environ.pop("MPLBACKEND", None)
        check_outputs({"--report": path}, inputs)


def save(path: Path, text: str) -> None:
    """Write a page or a picture, and say so."""
    # A path that it names may have bytes that are not letters.
    content = text.encode(errors="replace")
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    size = f" ({len(content) / 1e6:.1f} MB)" if len(content) > 1e5 else ""
    messages.say(f"saved {path}{size}")
