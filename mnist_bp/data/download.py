"""Fetching the files of MNIST: from mirrors in turn, believing none of them, in bounded time."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread
from typing import BinaryIO, TypeAlias
from urllib.parse import urlsplit

from mnist_bp.data.pinned import PinnedFile
from mnist_bp.errors import DataError, DownloadError, UsageError
from mnist_bp.files import replacing

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Called with a file's name and size in bytes; gives a function to call with each piece's bytes."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)

PATIENCE = 16.0
"""Seconds that all mirrors together may keep us waiting."""

RESERVE = 3.0
"""Seconds of them that are kept for each mirror that is still to be asked."""

SLOWEST = 8_000
"""Bytes a second: while they arrive faster than this, nobody is kept waiting."""

ATTEMPTS = 3
BACK_OFF = 0.5
"""Seconds before the second attempt; twice as many before the third."""

PIECE = 2**16
GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def silent(_name: str, _size: int) -> Iterator[Callable[[int], object]]:
    """Show no progress."""
    yield lambda _count: None


class _RefusedError(Exception):
    """What a mirror sent cannot be used: this file is to be had elsewhere."""


class _DeadError(_RefusedError):
    """A mirror does not do its work: it is not to be asked again."""


class _PassingError(_DeadError):
    """A mirror does not do its work right now: it may, after some seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _Patience:
    """Seconds that somebody may keep us waiting; what arrives in time renews them."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def renew(self, received: int) -> None:
        renewed = self.deadline + received / SLOWEST
        self.deadline = min(renewed, time.monotonic() + self.seconds)


class Mirrors:
    """The mirrors that files are fetched from, in order, and what became of each.

    Parameters
    ----------
    first : sequence of str
        Addresses that are asked before the built-in mirrors: http, https, or the `file:` address of
        a folder. A file's name is appended to them.
    progress : Progress

    Raises
    ------
    UsageError
        An address is of another kind.
    """

    def __init__(self, first: Sequence[str] = (), progress: Progress = silent) -> None:
        for address in first:
            if urlsplit(address).scheme not in ("http", "https", "file"):
                raise UsageError(
                    f"the mirror {address} is no address that begins with http:, https: or file:"
                )
        self.addresses = [address.rstrip("/") + "/" for address in (*first, *MIRRORS)]
        self.progress = progress
        self.dead: dict[str, str] = {}
        self.patience = _Patience(PATIENCE)

    def fetch(self, file: PinnedFile, folder: Path) -> str:
        """Put a file of MNIST into a folder, from the first mirror that has it; return its address.

        The file gets its name only when it is whole and its digest is the right one.

        Raises
        ------
        DownloadError
            No mirror delivered the file.
        DataError
            The folder cannot be written.
        """
        reasons = dict(self.dead)
        asked = [address for address in self.addresses if address not in self.dead]
        for others, address in zip(reversed(range(len(asked))), asked, strict=True):
            try:
                self._fetch_from(address, file, folder, others)
                return address + file.name
            except _DeadError as error:
                self.dead[address] = reasons[address] = str(error)
            except _RefusedError as error:
                reasons[address] = str(error)
            except OSError as error:
                raise DataError(
                    f"{folder} cannot be written: {error.strerror}; name another folder with "
                    "--data-dir, or go on without MNIST: --dataset synthetic"
                ) from error
        raise DownloadError(
            "\n".join(
                [
                    f"no mirror delivered {file.name}",
                    *(f"  {address}: {reasons[address]}" for address in self.addresses),
                    f"Put the four files of MNIST into {folder} by hand, or into any folder that "
                    "--data-dir names;",
                    "or go on without them: --dataset synthetic",
                ]
            )
        )

    def _fetch_from(self, address: str, file: PinnedFile, folder: Path, others: int) -> None:
        """Try one mirror, again if what stands in the way can pass; `others` come after it."""
        for attempt in range(ATTEMPTS):
            left = self.patience.left()
            patience = _Patience(left - others * min(RESERVE, left / (others + 1)))
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with replacing(folder / file.name) as target:
                    self._receive(address, file, target, patience)
                return
            except _PassingError as error:
                wait = BACK_OFF * 2**attempt if error.wait is None else error.wait
                if attempt == ATTEMPTS - 1 or wait >= self.patience.left():
                    raise
                time.sleep(wait)

    def _receive(
        self, address: str, file: PinnedFile, target: BinaryIO, patience: _Patience
    ) -> None:
        """Write what a mirror sends to `target`; raise if it is not the file to the last bit."""
        content = hashlib.sha256()
        received, beginning = 0, b""
        with self.progress(file.name, file.size) as advance:
            for piece in _pieces(address + file.name, patience):
                received += len(piece)
                beginning = beginning or piece
                if received > file.size:
                    raise _RefusedError(f"sent more than the file's {file.size:,} bytes")
                content.update(piece)
                target.write(piece)
                advance(len(piece))
                patience.renew(len(piece))
                self.patience.renew(len(piece))
        if not beginning.startswith(GZIP_MAGIC):
            raise _RefusedError(f"sent something else, beginning with {beginning[:20]!r}")
        if received < file.size:
            raise _PassingError(f"sent {received:,} of {file.size:,} bytes")
        if content.hexdigest() != file.sha256:
            raise _RefusedError("sent a file with another SHA-256: it is damaged, or not MNIST's")


def _pieces(address: str, patience: _Patience) -> Iterator[bytes]:
    """Yield what is at an address, piece by piece, as long as the patience lasts.

    The waiting is done in a thread of its own: nothing else bounds the look-up of a name.
    """
    pieces: Queue[bytes | _RefusedError | None] = Queue(maxsize=4)
    given_up = Event()
    Thread(target=_send, args=(address, pieces, given_up), daemon=True).start()
    try:
        while True:
            piece = pieces.get(timeout=max(0.0, patience.left()))
            if piece is None:
                return
            if isinstance(piece, _RefusedError):
                raise piece
            yield piece
    except Empty:
        raise _DeadError(f"kept us waiting for {patience.seconds:.0f} seconds") from None
    finally:
        given_up.set()
        while not pieces.empty():
            pieces.get_nowait()


def _send(address: str, pieces: "Queue[bytes | _RefusedError | None]", given_up: Event) -> None:
    """Put what is at an address into the queue, then None; or the error that ended it."""
    read = _read_file if urlsplit(address).scheme == "file" else _read_web
    try:
        for piece in read(address):
            pieces.put(piece)
            if given_up.is_set():
                return
        pieces.put(None)
    except _RefusedError as error:
        pieces.put(error)


def _read_file(address: str) -> Iterator[bytes]:
    # It loads all of http and ssl, which nothing needs that is in the cache already.
    from urllib.request import url2pathname

    try:
        with Path(url2pathname(urlsplit(address).path)).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise _RefusedError(f"cannot be read: {error.strerror}") from error


def _read_web(address: str) -> Iterator[bytes]:
    # Imported here, since a command that finds its digits on disk has no use for it.
    import requests
    import urllib3

    try:
        with requests.Session() as session:
            session.max_redirects = 5
            # The bytes as they are: some servers label a .gz as an encoding of its content.
            session.headers["Accept-Encoding"] = "identity"
            with session.get(address, stream=True, timeout=PATIENCE) as response:
                _check_status(response.status_code, response.reason, response.headers)
                yield from response.raw.stream(PIECE, decode_content=False)
    except requests.exceptions.SSLError as error:
        raise _DeadError(f"has a certificate that is not trusted: {_cause(error)}") from error
    except requests.TooManyRedirects as error:
        raise _RefusedError("redirects without end") from error
    except (requests.Timeout, urllib3.exceptions.ReadTimeoutError) as error:
        raise _DeadError(f"sent nothing for {PATIENCE:.0f} seconds") from error
    except (requests.ConnectionError, urllib3.exceptions.HTTPError) as error:
        if isinstance(error.args[0] if error.args else None, urllib3.exceptions.MaxRetryError):
            raise _DeadError(f"cannot be reached: {_cause(error)}") from error
        raise _PassingError(f"dropped the connection: {_cause(error)}") from error
    except (requests.RequestException, ValueError) as error:
        raise _DeadError(f"cannot be asked: {_cause(error)}") from error


def _check_status(status: int, reason: str, headers: Mapping[str, str]) -> None:
    if status == 429 or status >= 500:
        raise _PassingError(f"answered {status} {reason}", _retry_after(headers.get("Retry-After")))
    if status != 200:
        raise _RefusedError(f"answered {status} {reason}")


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, given as such or as a date."""
    if value is None:
        return None
    from email.utils import parsedate_to_datetime

    try:
        if value.isdigit():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _cause(error: BaseException) -> str:
    """Say in a few words what went wrong: the innermost error has the fewest around it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
