"""What several commands do alike."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_bp.cli.options import DigitsOptions
from mnist_bp.errors import DownloadError, UsageError
from mnist_bp.files import try_out

if TYPE_CHECKING:
    from mnist_bp.data.digits import Digits


def read(wanted: DigitsOptions, name: str | None, *splits: str) -> "list[Digits]":
    """Read splits of the data set of a name, from where the user wants them to come."""
    from mnist_bp.cli import console
    from mnist_bp.data.mnist import read_digits

    return read_digits(splits, name, wanted.data_dir, wanted.mirror or (), console.bytes_bar)


def read_or_draw(wanted: DigitsOptions, *splits: str) -> "list[Digits]":
    """Read the digits that are wanted, or go on with synthetic ones where MNIST is out of reach."""
    try:
        return read(wanted, wanted.dataset, *splits)
    except DownloadError as error:
        if wanted.dataset:
            raise
        from mnist_bp.cli import console
        from mnist_bp.data.digits import SYNTHETIC

        console.warn(f"MNIST could not be reached: {error}")
        console.warn("going on with the synthetic digits instead of MNIST")
        return read(wanted, SYNTHETIC, *splits)


def check_memory(needed: int) -> None:
    """Refuse what fits no memory before it is tried: some systems end such processes unasked."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return
    if needed > memory:
        raise UsageError(
            f"this needs {needed:,} bytes of memory, and the machine has {memory:,}: choose a "
            "smaller --hidden or --batch-size"
        )


def check_output(option: str, path: Path) -> None:
    """Find out before the work, not after it, that its result has no place to go."""
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise UsageError(f"{option} {path}: this is a folder or a device, not a file")
    try:
        try_out(path)
    except OSError as error:
        raise UsageError(f"{option} {path}: it cannot be written: {error.strerror}") from error


def print_json(**values: Any) -> None:
    """Print one JSON object, in one line, as a result."""
    from mnist_bp.cli import console

    console.results().print(json.dumps(values), soft_wrap=True, markup=False)
