"""Writing a file so that whoever looks at its name finds a whole one, whatever happens."""

import contextlib
import glob
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # On Windows, a file that is open cannot be deleted: no lock is needed.
    fcntl = None  # type: ignore[assignment]


JUST_MADE = 5.0
"""Seconds in which an empty temporary file is taken for one that is about to be locked."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the name `path` when the block ends well.

    The temporary file lies beside `path`, under a name that no other process has, and is flushed to
    disk before it is renamed. When the block raises, it is deleted, and `path` is as it was. What a
    killed process left there is deleted too.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    sweep(path)
    temporary = _temporary(path)
    try:
        with temporary.open("xb") as file:
            with contextlib.suppress(OSError):
                _lock(file)
            # Not empty any more, and so no longer taken for a file that has no lock yet.
            file.truncate(1)
            yield file
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
            if fcntl:
                # While the lock is held: without it, another process would sweep the file away.
                temporary.replace(path)
        if not fcntl:
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(path: Path) -> None:
    """Find out whether `replacing` could write beside `path`, without touching `path`.

    Raises
    ------
    OSError
        It could not.
    """
    temporary = _temporary(path)
    temporary.touch(exist_ok=False)
    temporary.unlink()


def sweep(path: Path) -> None:
    """Delete the temporary files for `path` whose processes are no more."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 16}.tmp"):
        with contextlib.suppress(OSError):
            status = temporary.stat()
            if status.st_size == 0 and time.time() - status.st_mtime < JUST_MADE:
                continue
            with temporary.open("rb") as file:
                _lock(file)
            temporary.unlink()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")


def _lock(file: BinaryIO) -> None:
    """Lock an open file until it is closed, by the end of its process if not before.

    Raises
    ------
    OSError
        Another process holds the lock, or the file system has none.
    """
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def back_up(path: Path) -> Path | None:
    """Give the file at `path`, if there is one, a second name: `weights.1.npz` for `weights.npz`.

    The file keeps its own name too until something replaces it, so there is no moment without one.

    Returns
    -------
    Path or None
        The second name; None where there was no file.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    if not path.exists():
        return None
    number = 1
    while True:
        aside = path.with_name(f"{path.stem}.{number}{path.suffix}")
        try:
            _link_or_copy(path, aside)
        except FileExistsError:
            number += 1
        else:
            return aside


def _link_or_copy(path: Path, aside: Path) -> None:
    try:
        aside.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no links.
        with aside.open("xb") as file:
            file.write(path.read_bytes())
            os.fsync(file.fileno())


def check_appendable(path: Path) -> None:
    """Find out whether `path` can be appended to, without leaving anything there."""
    if path.exists():
        path.open("ab").close()
    else:
        check_writable(path)


def check_back_up(path: Path) -> None:
    """Find out whether `back_up` could keep the file at `path`."""


def append_line(path: Path, line: str) -> None:
    """Append a line to a file or a device; what a failed write left of the last line is ended.

    Raises
    ------
    OSError
        It cannot be written.
    """
    start = b""
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            start = b"" if file.read(1) == b"\n" else b"\n"
    with path.open("ab", buffering=0) as file:
        file.write(start + line.encode() + b"\n")
