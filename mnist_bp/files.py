"""Writing files: a file that has its name is whole, even if its writer is interrupted."""

import contextlib
import glob
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mnist_bp.errors import UsageError

STALE_AFTER = 3600.0
"""Seconds after which a temporary file is taken for the remains of a killed process."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that gets the name `path` when the block ends without an error.

    The temporary file lies beside `path` and is flushed to disk before it is renamed. When the
    block raises, it is deleted and `path` is as it was. Where `path` is a symbolic link, the file
    that it points to is replaced.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    target = _target(path)
    remove_stale(target)
    with _temporary(target) as temporary:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)


def make_folder(path: Path) -> None:
    """Ensure that there is a folder at `path`.

    Raises
    ------
    UsageError
        It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be made a folder: {error.strerror}") from error


def check_writable(path: Path) -> None:
    """Find out whether `replacing` can write `path`, without changing it.

    Raises
    ------
    OSError
        It cannot.
    """
    target = _target(path)
    with _temporary(target) as temporary:
        temporary.touch(exist_ok=False)
    if target.is_file():
        # Replacing a file takes its name away, which the folder or the file may forbid. `rmdir`
        # needs the same permission, and fails for a file only after the system has checked it.
        with contextlib.suppress(NotADirectoryError):
            target.rmdir()


def check_appendable(path: Path) -> None:
    """Find out whether lines can be appended to `path`, without changing it.

    A device or a pipe is not opened before it is used: the reader of a pipe ends when it is closed.

    Raises
    ------
    OSError
        They cannot.
    """
    if not path.exists():
        check_writable(path)
    elif path.is_file() or path.is_dir():
        path.open("ab").close()


class Lines:
    """A file, a device or a pipe that lines are appended to; a pipe stays open between them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pipe: int | None = None

    def append(self, line: str) -> None:
        """Append a line; what a failed write left of the last line is ended.

        Raises
        ------
        OSError
            It cannot be written; a pipe that no process reads is such an error, too.
        """
        content = line.encode() + b"\n"
        if self.path.is_fifo():
            if self._pipe is None:
                # To open it otherwise waits for a reader.
                self._pipe = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
                os.set_blocking(self._pipe, True)
            os.write(self._pipe, content)
            return
        with self.path.open("a+b", buffering=0) as file:
            if file.seekable() and file.tell():
                file.seek(-1, os.SEEK_END)
                content = content if file.read(1) == b"\n" else b"\n" + content
            file.write(content)


def back_up(path: Path) -> Path | None:
    """Give the file at `path`, if there is one, a second name: `weights.1.npz` for `weights.npz`.

    The file keeps its own name too until it is replaced. No other file is overwritten.

    Returns
    -------
    Path or None
        The second name; None where there was no file.

    Raises
    ------
    OSError
        The file cannot be read, or the folder not be written.
    """
    target = _target(path)
    if not target.exists():
        return None
    number = 0
    while True:
        number += 1
        backup = target.with_name(f"{target.stem}.{number}{target.suffix}")
        with contextlib.suppress(FileExistsError):
            _link_or_copy(target, backup)
            return backup


def check_back_up(path: Path) -> None:
    """Find out whether `back_up` can keep the file at `path`, without leaving anything behind.

    Raises
    ------
    OSError
        It cannot.
    """
    target = _target(path)
    if target.exists():
        with _temporary(target) as temporary:
            _link_or_copy(target, temporary)


def remove_stale(path: Path) -> None:
    """Delete what killed processes left of their attempts to write `path`."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 16}.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - temporary.stat().st_mtime > STALE_AFTER:
                temporary.unlink()


def is_temporary(path: Path) -> bool:
    """Return whether a file is one of our temporary files, by its name."""
    return re.fullmatch(r"\..+\.[0-9a-f]{16}\.tmp", path.name) is not None


def _target(path: Path) -> Path:
    """Return the file that is written at `path`: behind symbolic links, if it is one."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Yield the name of a temporary file for `path`, and delete what then has that name."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _link_or_copy(path: Path, new: Path) -> None:
    """Give a file a second name, or make a copy of that name, without overwriting another file."""
    try:
        new.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links, and some systems allow none to other users' files.
        with path.open("rb") as old, replacing(new) as file:
            shutil.copyfileobj(old, file)
            # The name is reserved first, since renaming would overwrite a file that has it.
            new.touch(exist_ok=False)
