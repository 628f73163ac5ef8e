"""Get MNIST, or verify it."""

from typing import Annotated

from mnist_bp.cli import messages
from mnist_bp.cli.options import DataDir, Mirrors, option
from mnist_bp.errors import remedy

FORCE = "Download the files of the cache again, even whole ones."


def download(
    data_dir: DataDir = None,
    mirror: Mirrors = None,
    force: Annotated[bool, option(FORCE, "--force", metavar=None)] = False,
) -> None:
    """Download MNIST to the cache, or verify the files that are there.

    The SHA-256 of every file is checked, whichever mirror it comes from.
    """
    from mnist_bp.cli import console
    from mnist_bp.data.sources import fill

    with remedy("--data-dir names another folder"):
        folder, done = fill(data_dir, mirror or (), force=force, progress=messages.bytes_bar)
    console.table(console.results(), f"MNIST in {folder}", ("file", "from"), done, (0, 1))
