"""Writing a file so that whoever looks at its name finds a whole one, whatever happens."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the name `path` when the block ends well.

    The temporary file lies beside `path`, under a name that no other process has, and is flushed to
    disk before it is renamed. When the block raises, it is deleted, and `path` is as it was.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def put_aside(path: Path) -> Path | None:
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
