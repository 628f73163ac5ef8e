"""Fetching the four files of MNIST: from mirrors in turn, believing none of them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from mnist_bp.errors import DownloadError
from mnist_bp.files import replacing

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Called with a file's name and size in bytes; gives a function to call with each piece's bytes."""

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 15.0
"""Seconds: to reach a mirror, and between two pieces of what it sends."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)


@dataclass(frozen=True)
class PinnedFile:
    """One of the four files, as MNIST's makers published it.

    Attributes
    ----------
    stem : str
        Its name up to the `-idx...-ubyte` that tells the format.
    dimensions : int
        Of the array that it holds.
    size : int
        Bytes of the `.gz` file.
    sha256, sha256_unpacked : str
        In hexadecimal: of the `.gz` file, and of its content.
    """

    stem: str
    dimensions: int
    size: int
    sha256: str
    sha256_unpacked: str

    @property
    def name(self) -> str:
        """The name under which mirrors have the file."""
        return f"{self.stem}-idx{self.dimensions}-ubyte.gz"


TRAIN_IMAGES = PinnedFile(
    "train-images",
    3,
    9_912_422,
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
)
TRAIN_LABELS = PinnedFile(
    "train-labels",
    1,
    28_881,
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)
TEST_IMAGES = PinnedFile(
    "t10k-images",
    3,
    1_648_877,
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
)
TEST_LABELS = PinnedFile(
    "t10k-labels",
    1,
    4_542,
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
MNIST_FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


@contextmanager
def silent(_name: str, _size: int) -> Iterator[Callable[[int], object]]:
    """Show no progress."""
    yield lambda _count: None


def fetch(
    file: PinnedFile, folder: Path, mirrors: Sequence[str] = MIRRORS, progress: Progress = silent
) -> str:
    """Put a file of MNIST into a folder, from the first mirror that has it, and return its address.

    Parameters
    ----------
    file : PinnedFile
    folder : Path
        Made if it does not exist.
    mirrors : sequence of str
        Addresses that the file's name is appended to.
    progress : Progress

    Raises
    ------
    DownloadError
        No mirror delivered it, or it cannot be written.
    """
    failures = []
    for mirror in mirrors:
        address = f"{mirror.rstrip('/')}/{file.name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / file.name) as target:
                _receive(address, file, target, progress)
            return address
        except _RefusedError as refusal:
            failures.append(f"  {address}: {refusal}")
        except OSError as error:
            raise DownloadError(
                f"{folder / file.name} cannot be written: {error.strerror}"
            ) from error
    raise DownloadError(
        "\n".join(
            [
                f"no mirror delivered {file.name}:",
                *failures,
                "Name another mirror with --mirror, or a folder that holds the four files with "
                "--data-dir.",
            ]
        )
    )


class _RefusedError(Exception):
    """What a mirror sent, or that it sent nothing, in a few words."""


def _receive(address: str, file: PinnedFile, target: BinaryIO, progress: Progress) -> None:
    """Write what is at the address to `target`, or raise `_RefusedError`."""
    # Imported here, since a command that finds its digits on disk has no use for it.
    import requests
    import urllib3

    content = hashlib.sha256()
    received = 0
    try:
        with (
            requests.get(
                address,
                stream=True,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                headers={"Accept-Encoding": "identity"},
            ) as response,
            progress(file.name, file.size) as advance,
        ):
            if not response.ok:
                raise _RefusedError(f"answered {response.status_code} {response.reason}")
            # The bytes as they are sent: a server may label the .gz as an encoding to be undone.
            for piece in response.raw.stream(2**16, decode_content=False):
                received += len(piece)
                if received > file.size:
                    raise _RefusedError(f"sent more than the file's {file.size:,} bytes")
                content.update(piece)
                target.write(piece)
                advance(len(piece))
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _RefusedError(_reason(error)) from error
    if content.hexdigest() != file.sha256:
        raise _RefusedError(
            f"sent {received:,} bytes with SHA-256 {content.hexdigest()[:16]}..., "
            f"expected {file.size:,} with {file.sha256[:16]}..."
        )


def _reason(error: Exception) -> str:
    """Say what went wrong in one line: the innermost cause has the fewest words around it."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return f"{type(error).__name__}: {cause}"
