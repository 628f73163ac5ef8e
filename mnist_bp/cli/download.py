"""Get MNIST, or verify it."""

from typing import Annotated

import typer

from mnist_bp.cli import messages
from mnist_bp.cli.options import DataDir, Mirrors


def download(
    data_dir: DataDir = None,
    mirror: Mirrors = None,
    force: Annotated[
        bool, typer.Option("--force", help="Download the files of the cache anew, even whole ones.")
    ] = False,
) -> None:
    """Fetch MNIST into the cache, or verify what is there.

    Every file is held against its known SHA-256, whichever mirror it comes from.
    """
    from mnist_bp.cli import console, tables
    from mnist_bp.data import mnist

    folder, done = mnist.fill(data_dir, mirror or (), force=force, progress=messages.bytes_bar)
    tables.sources(console.results(), folder, done)
