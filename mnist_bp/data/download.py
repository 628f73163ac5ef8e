"""Downloading the files of MNIST: from mirrors in turn, each file checked, in bounded time.

This loads all of http and ssl, so it is imported only where a file is missing.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError

from mnist_bp.data.pinned import PinnedFile
from mnist_bp.errors import DownloadError, UsageError
from mnist_bp.files import replacing

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Called with a file's name and size in bytes; gives a function to call with each piece's bytes."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)

LONGEST_WAIT = 20.0
"""Seconds that all mirrors together may keep us waiting."""

SLOWEST = 8_000
"""Bytes per second: as long as they arrive faster than this, no waiting is counted."""

PAUSES = 0.5, 1.0
"""Seconds before the second and the third attempt, where a mirror asks for no others."""

PIECE = 2**16
GZIP_MAGIC = b"\x1f\x8b"


class _RefusedError(Exception):
    """A mirror does not have a file as it should be; it is asked for the other files."""


class _DeadError(_RefusedError):
    """A mirror does not work; it is not asked again."""


class _BusyError(_DeadError):
    """A mirror does not work right now, but it may after some seconds."""

    retry_after = 0.0


class Mirrors:
    """The mirrors that files are downloaded from, in order, and what is known of each.

    Parameters
    ----------
    first : sequence of str
        Addresses that are asked before the built-in mirrors: http, https, or the `file:` address of
        a folder. A file's name is appended to them.
    progress : Progress, optional

    Raises
    ------
    UsageError
        An address is not valid.
    """

    def __init__(self, first: Sequence[str] = (), progress: Progress | None = None) -> None:
        for address in first:
            if not _is_valid(address):
                raise UsageError(
                    f"the mirror {_without_password(address)} is not an address: it has to begin "
                    "with http://, https:// or file:///"
                )
        self.addresses = [address.rstrip("/") + "/" for address in (*first, *MIRRORS)]
        self.progress = progress or (lambda _name, _size: nullcontext(lambda _count: None))
        self.failures: dict[str, Exception] = {}
        self.session = requests.Session()
        self.session.max_redirects = 5
        # The bytes as they are: some servers label a .gz as an encoding of its content.
        self.session.headers["Accept-Encoding"] = "identity"
        self.waits = _CountedWaits()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, self.waits)

    def fetch(self, file: PinnedFile, folder: Path) -> str:
        """Put a file of MNIST into a folder, from the first mirror that has it; return its address.

        The file gets its name only when it is whole and its digest is right.

        Raises
        ------
        DownloadError
            No mirror delivered the file, or the folder cannot be written.
        """
        failures = self.failures
        asked = [each for each in self.addresses if not isinstance(failures.get(each), _DeadError)]
        for number, address in enumerate(asked):
            try:
                self._fetch_from(address, file, folder, len(asked) - number)
                return _without_password(address + file.name)
            except _RefusedError as error:
                failures[address] = error
            except OSError as error:
                problem = f"{folder} cannot be written: {error.strerror}; choose another folder"
                raise DownloadError(problem) from error
        reasons = [f"  {_without_password(each)}: {failures[each]}" for each in self.addresses]
        by_hand = f"You can also put the four files of MNIST into {folder} by hand."
        raise DownloadError(f"no mirror delivered {file.name}", *reasons, by_hand)

    def _fetch_from(self, address: str, file: PinnedFile, folder: Path, mirrors: int) -> None:
        """Try the first of some mirrors, several times if it is only busy."""
        for pause in (*PAUSES, LONGEST_WAIT):
            self.waits.start(mirrors)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with replacing(folder / file.name) as target:
                    self._receive(address + file.name, file, target)
                return
            except _BusyError as error:
                seconds = max(pause, error.retry_after)
                if self.waits.waited + seconds >= self.waits.limit:
                    raise
                time.sleep(seconds)
            finally:
                with contextlib.suppress(TimeoutError):
                    self.waits.count()

    def _receive(self, address: str, file: PinnedFile, target: BinaryIO) -> None:
        """Write what a mirror sends to `target`; raise if it is not the file to the last bit."""
        local = urlsplit(address).scheme == "file"
        pieces = _read_file(address) if local else self._read_web(address)
        content, received, beginning = hashlib.sha256(), 0, b""
        with self.progress(file.name, file.size) as advance:
            for piece in pieces:
                received += len(piece)
                beginning = beginning or piece
                if received > file.size:
                    raise _RefusedError(f"sent more than the file's {file.size:,} bytes")
                content.update(piece)
                target.write(piece)
                advance(len(piece))
        if not beginning.startswith(GZIP_MAGIC):
            raise _RefusedError(f"sent something else, beginning with {beginning[:20]!r}")
        if received < file.size:
            raise _BusyError(f"sent {received:,} of {file.size:,} bytes")
        if content.hexdigest() != file.sha256:
            raise _RefusedError("sent a file with another SHA-256: it is damaged, or not MNIST's")

    def _read_web(self, address: str) -> Iterator[bytes]:
        # A connection gets half the time, so that a second address of the host can be tried.
        timeout = self.waits.timeout / 2, self.waits.timeout
        try:
            with self.session.get(address, stream=True, timeout=timeout) as response:
                _check_status(response)
                yield from response.raw.stream(PIECE, decode_content=False)
        except ValueError:
            # The text of these errors quotes addresses, and with them passwords.
            reason = "its address, or that of a proxy or a redirect, is not valid"
            raise _DeadError(reason) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            reason = f"kept us waiting for {self.waits.timeout:.1f} seconds"
            raise _DeadError(reason) from error
        except (requests.ConnectionError, HTTPError) as error:
            if isinstance(error.args[0] if error.args else None, MaxRetryError):
                raise _DeadError(f"cannot be reached: {_cause(error)}") from error
            raise _BusyError(f"dropped the connection: {_cause(error)}") from error
        except OSError as error:
            raise _DeadError(f"cannot be asked: {_cause(error)}") from error


class _CountedWaits(HTTPAdapter):
    """Counts the seconds that connections wait; the bytes that arrive make up for them.

    A time-out bounds a single read, or the connection to one address of a host. This bounds them
    all together, the reads of a response's headers too.
    """

    waited = 0.0

    def start(self, mirrors: int) -> None:
        """Begin to wait for the first of some mirrors, which share the time left equally."""
        self.timeout = max(0.1, (LONGEST_WAIT - self.waited) / mirrors)
        self.limit = self.waited + self.timeout
        self.last = time.monotonic()

    def count(self, received: int = 0) -> None:
        """Count the time since the last call; raise if the mirror has used up its share."""
        now = time.monotonic()
        seconds, self.last = now - self.last, now
        if seconds > 1.1 * self.timeout:
            seconds = 0.0  # A wait ends with its time-out: this process itself was stopped.
        self.waited = max(0.0, self.waited + seconds - received / SLOWEST)
        if self.waited > self.limit:
            raise TimeoutError

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = partial(self._connection, pool.ConnectionCls)
        return pool

    def _connection(self, make: Callable[..., Any], **options: Any) -> Any:
        connection = make(**options)
        connection.socket_options = self
        connection.response_class = self._response
        return connection

    def __iter__(self) -> Iterator[Any]:
        # Looked up as the options of a socket before each address of a host is tried.
        self.count()
        return iter(())

    def _response(self, *arguments: Any, **options: Any) -> HTTPResponse:
        response = HTTPResponse(*arguments, **options)
        connection: Any = response.fp.raw
        read = connection.readinto

        def readinto(buffer: Any) -> int | None:
            received: int | None = read(buffer)
            self.count(received or 0)
            return received

        connection.readinto = readinto
        return response


def _read_file(address: str) -> Iterator[bytes]:
    path = Path(url2pathname(urlsplit(address).path))
    if not path.is_file():
        raise _RefusedError("has no such file")
    try:
        with path.open("rb") as file:
            yield from iter(partial(file.read, PIECE), b"")
    except OSError as error:
        raise _RefusedError(f"cannot be read: {error.strerror}") from error


def _check_status(response: requests.Response) -> None:
    answer = f"answered {response.status_code} {response.reason}"
    if response.status_code == 429 or response.status_code >= 500:
        busy = _BusyError(answer)
        with contextlib.suppress(HTTPError, ValueError, OverflowError):
            header = response.headers.get("Retry-After", "")
            busy.retry_after = urllib3.Retry().parse_retry_after(header)
        raise busy
    if response.status_code != 200:
        raise _RefusedError(answer)


def _cause(error: BaseException) -> str:
    """Return what went wrong in a few words: the innermost error has the fewest around it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def _is_valid(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port  # It raises where the port is not a number.
    except ValueError:
        return False
    return parts.scheme == "file" or (parts.scheme in ("http", "https") and bool(parts.hostname))


def _without_password(address: str) -> str:
    """Return an address without its user name and password, even if it is not a valid one."""
    return re.sub(r"(?s)^(https?:)?.*@", r"\1//***@", address)
