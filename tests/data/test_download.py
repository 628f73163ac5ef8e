"""Downloads from real servers on the loopback interface, which fail in every way we know."""

import gzip
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest
from helpers import Quiet

from mnist_bp import load_mnist
from mnist_bp.data.pinned import MNIST_FILES
from mnist_bp.data.sources import fill, load_digits, read_digits
from mnist_bp.errors import DataError, DownloadError, UsageError
from mnist_bp.files import is_temporary

FIRST = MNIST_FILES[0]
START = b"\x1f\x8b" + bytes(20_000)


class Handler(BaseHTTPRequestHandler):
    """A mirror that answers with `body`; subclasses fail in their own ways."""

    body = b""

    def __init__(self, *arguments, directory):
        super().__init__(*arguments)

    def log_message(self, *_):
        pass

    def answer(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def do_GET(self):
        self.answer()
        self.wfile.write(self.body)


class LoginPage(Handler):
    body = b"<html>Please log in.</html>"


class Nothing(Handler):
    pass


class GzipWithoutEnd(Handler):
    body = gzip.compress(bytes(50_000_000))


class NotFound(Handler):
    def do_GET(self):
        self.answer(404)


class Forbidden(Handler):
    def do_GET(self):
        self.answer(403)


class Broken(Handler):
    asked = 0

    def do_GET(self):
        type(self).asked += 1
        self.answer(500)


class CutShort(Handler):
    def do_GET(self):
        self.answer(Content_Length=FIRST.size)
        self.wfile.write(START)


class CutShortInSilence(Handler):
    body = START


class Endless(Handler):
    sent = 0

    def do_GET(self):
        self.answer()
        self.wfile.write(START)
        try:
            while True:
                type(self).sent += self.wfile.write(bytes(65536))
        except OSError:
            pass


class RedirectLoop(Handler):
    def do_GET(self):
        self.answer(302, Location=self.path)


class HangsUp(Handler):
    def do_GET(self):
        self.connection.close()


class NotHttp(Handler):
    def do_GET(self):
        self.wfile.write(b"220 mail.example.org ready\r\n")


class RedirectToNonsense(Handler):
    def do_GET(self):
        self.answer(302, Location="http://[::1")


class Mute(Handler):
    def do_GET(self):
        time.sleep(25)


def drip(wfile, content):
    try:
        for byte in content:
            wfile.write(bytes([byte]))
            time.sleep(0.2)
    except OSError:
        pass


class Drip(Handler):
    def do_GET(self):
        self.answer()
        drip(self.wfile, START)


class DripInHeaders(Handler):
    def do_GET(self):
        drip(self.wfile, b"HTTP/1.1 200 OK\r\n" + b"X-Padding: and so on\r\n" * 50)


class DripInChunks(Handler):
    def do_GET(self):
        self.answer(Transfer_Encoding="chunked")
        drip(self.wfile, b"1\r\n\0\r\n" * 500)


FAULTS = [
    (LoginPage, "sent something else, beginning with b'<html>Please log in.'"),
    (Nothing, "sent something else, beginning with b''"),
    (GzipWithoutEnd, r"sent 48,\d+ of 9,912,422 bytes"),
    (NotFound, "answered 404 Not Found"),
    (Forbidden, "answered 403 Forbidden"),
    (Broken, "answered 500 Internal Server Error"),
    (CutShort, "dropped the connection: .*20002 bytes read"),
    (CutShortInSilence, "sent 20,002 of 9,912,422 bytes"),
    (Endless, "sent more than the file's 9,912,422 bytes"),
    (RedirectLoop, "cannot be asked: Exceeded 5 redirects"),
    (RedirectToNonsense, "its address, or that of a proxy or a redirect, is not valid"),
    (HangsUp, "dropped the connection"),
    (NotHttp, "dropped the connection: 220 mail.example.org ready"),
]
OTHERS = ["http://127.0.0.1:9/"] * 36
"""Mirrors that refuse at once: with these and three built-in ones, each may take half a second."""

SLOW_FAULTS = [Mute, Drip, DripInHeaders, DripInChunks]


def failure(*mirrors):
    """The message of a download that fails, line by line."""
    with pytest.raises(DownloadError) as caught:
        fill(mirrors=mirrors)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(("handler", "reason"), FAULTS)
def test_anything_else_that_a_mirror_sends_is_refused_with_a_line(
    cache, tmp_path, serve, handler, reason
):
    mirror = serve(tmp_path, handler)

    line = failure(mirror)[1]

    assert re.fullmatch(f"  {mirror}: {reason}.*", line)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("handler", SLOW_FAULTS)
def test_a_mirror_that_keeps_us_waiting_is_given_up(tmp_path, serve, handler):
    mirror = serve(tmp_path, handler)

    assert re.match(f"  {mirror}: kept us waiting for 0.5 seconds", failure(mirror, *OTHERS)[1])


def test_all_addresses_of_a_host_share_the_time_of_a_mirror(monkeypatch):
    # A server that accepts nothing, and whose queue is full: packets to it are dropped.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as waiting:
        waiting.connect(server.getsockname())
        addresses = socket.getaddrinfo(*server.getsockname(), type=socket.SOCK_STREAM) * 100
        look_up = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest: addresses if host == "blackhole" else look_up(host, *rest),
        )
        monkeypatch.setenv("no_proxy", "blackhole")
        started = time.monotonic()

        lines = failure("http://blackhole/", *OTHERS)

    assert "kept us waiting for 0.5 seconds" in lines[1]
    assert time.monotonic() - started < 20


def test_mirrors_that_all_keep_us_waiting_are_given_up_in_bounded_time(tmp_path, serve, full):
    if not full:
        pytest.skip("runs with --full")
    mirrors = [serve(tmp_path, handler) for handler in SLOW_FAULTS * 10]
    started = time.monotonic()

    lines = failure(*mirrors)

    assert sum("kept us waiting" in line for line in lines) == len(mirrors)
    assert time.monotonic() - started < 30


def test_a_certificate_that_is_not_trusted_is_refused(tmp_path, serve):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 "
        f"-keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    mirror = serve(tmp_path, LoginPage, context)

    line = failure(mirror)[1]
    assert line.startswith(f"  {mirror}: cannot be reached: ")
    assert "certificate verify failed" in line


def test_a_failure_gives_a_reason_for_each_mirror_and_says_what_to_do(cache, tmp_path, serve):
    lines = failure(serve(tmp_path), "http://127.0.0.1:9/")

    assert lines[0] == f"no mirror delivered {FIRST.name}"
    assert lines[1].endswith(": answered 404 File not found")
    assert lines[2].startswith("  http://127.0.0.1:9/: cannot be reached: ")
    assert [line.split("/")[0] for line in lines[3:6]] == ["  https:"] * 3
    assert lines[6] == f"You can also put the four files of MNIST into {cache} by hand."


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["download"], ["--data-dir"]),
        (["train", "--dataset", "mnist"], ["--data-dir", "--dataset synthetic"]),
    ],
)
def test_the_command_names_the_options_that_help(command, arguments, options):
    done = command(*arguments, "--mirror", "http://127.0.0.1:9/")

    assert done.returncode == 1
    for option in options:
        assert option in done.stderr.splitlines()[-1]


def test_the_library_says_how_to_get_digits_without_a_network():
    for load in (load_digits, load_mnist):
        with pytest.raises(DownloadError) as caught:
            load()
        assert 'load_digits("train", "synthetic")' in str(caught.value)


def test_a_busy_mirror_is_asked_three_times(tmp_path, serve):
    Broken.asked = 0

    failure(serve(tmp_path, Broken))

    assert Broken.asked == 3


def test_no_more_than_the_known_size_is_taken(tmp_path, serve):
    Endless.sent = 0

    failure(serve(tmp_path, Endless))

    assert Endless.sent < FIRST.size + 20_000_000


@pytest.mark.parametrize(
    "address",
    [
        "digits",
        "/tmp",
        "ftp://example.org/",
        "http://",
        "http:///x",
        "http://[::1",
        "http://h:http",
    ],
)
def test_a_mirror_must_be_an_address(address):
    with pytest.raises(UsageError, match=f"the mirror {re.escape(address)} is not an address"):
        fill(mirrors=[address])


@pytest.mark.parametrize("path", ["/x/%00y", "/nowhere", "/"])
def test_a_folder_without_the_files_is_one_line(path):
    assert failure(f"file://{path}")[1].endswith(": has no such file")


@pytest.mark.posix
def test_a_folder_with_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / FIRST.name)

    assert failure(tmp_path.as_uri())[1].endswith(": has no such file")


def test_certificates_that_do_not_exist_are_named(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")

    assert "/nonexistent" in failure()[1]


@pytest.mark.parametrize(
    ("mirror", "proxy"),
    [
        ("http://alice:p4ss@127.0.0.1:9/", None),
        ("http://alice:p4ss@127.0.0.1:port/", None),
        ("ftp://alice:p4ss@127.0.0.1/", None),
        ("http:alice:p4ss@127.0.0.1/", None),
        ("alice:p4ss@127.0.0.1/", None),
        ("http://alice:p4/ss@127.0.0.1/", None),
        ("http://alice:p4 ss@127.0.0.1/", None),
        ("http://example.org/", "http://alice:p4ss@127.0.0.1:9/"),
        ("http://example.org/", "http://alice:p4ss@127.0.0.1:port/"),
        ("http://example.org/", "http://alice:p4#ss@127.0.0.1/"),
        ("http://example.org/", "http://alice:p4 ss@127.0.0.1:99999/"),
        ("http://example.org/", "ftp://alice:p4ss@127.0.0.1/"),
        ("http://example.org/", "socks5://alice:p4ss@127.0.0.1/"),
        ("https://example.org/", "http://alice:p4ss@127.0.0.1:9/"),
        ("https://example.org/", "alice:p4ss@127.0.0.1:9/"),
        ("https://example.org/", "//alice:p4ss@/"),
    ],
)
def test_passwords_are_in_no_message_and_no_traceback(monkeypatch, mirror, proxy):
    if proxy:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy)
            monkeypatch.delenv(name.upper())

    with pytest.raises((DownloadError, UsageError)) as caught:
        fill(mirrors=[mirror])

    message = "".join(traceback.format_exception(caught.value))
    assert "mirror" in str(caught.value)
    for secret in ("alice", "p4"):
        assert secret not in message


@pytest.mark.mnist
def test_a_mirror_with_a_password_gets_it_and_is_shown_without(command, empty_cache, mnist, serve):
    class Guarded(Quiet):
        def do_GET(self):
            if self.headers["Authorization"] == "Basic YWxpY2U6cDRzcw==":
                return super().do_GET()
            self.send_error(401)

    mirror = serve(mnist, Guarded)

    done = command("download", "--mirror", mirror.replace("//", "//alice:p4ss@"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(mirror.replace("//", "//***@")) == 4
    assert_right(empty_cache, mnist)


def test_nothing_is_downloaded_beside_files_that_are_not_mnists(digits_folder):
    with pytest.raises(DataError, match="is not MNIST's file of that name"):
        fill(digits_folder)


def test_nothing_is_downloaded_into_a_folder_of_other_things(tmp_path):
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(DataError, match="is not empty and holds none of MNIST's files"):
        fill(tmp_path)


def test_a_cache_that_cannot_be_written_is_one_message(command, cache):
    cache.parent.mkdir()
    cache.touch()

    for arguments in (["download"], ["train", "--dataset", "mnist"]):
        done = command(*arguments, "--mirror", "http://127.0.0.1:9/")
        assert done.returncode == 1
        assert done.stderr.startswith(f"Error: {cache} cannot be written: ")
        assert "--data-dir" in done.stderr.splitlines()[1]
        assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("home", ["missing", "not writable"])
def test_without_a_cache_there_are_synthetic_digits(command, inline, cache, monkeypatch, home):
    if home == "missing":
        for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        # What Python does for a user whom the system does not know.
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    else:
        cache.parent.mkdir()
        cache.touch()

    done = inline("gradcheck", "--hidden", 2)

    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Warning: MNIST could not be reached: ")
    assert "going on with the synthetic digits instead of MNIST" in done.stderr
    assert "digits of synthetic" in done.stdout
    assert list(command.folder.iterdir()) == []


@pytest.mark.posix
@pytest.mark.mnist
def test_a_full_disk_is_one_message(command, cache, mnist, serve, monkeypatch):
    import resource

    monkeypatch.delenv("MNIST_BP_DATA_DIR")

    done = command(
        "download",
        "--mirror",
        serve(mnist),
        # What a limit on the size of files does to a write is what a full disk does.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {cache} cannot be written: ")
    assert len(done.stderr.splitlines()) == 2
    assert list(cache.iterdir()) == []


def test_without_mnist_and_network_training_goes_on_with_synthetic_digits(command):
    done = command("train", "--epochs", 1)

    assert done.returncode == 0
    assert "MNIST could not be reached" in done.stderr
    assert "going on with the synthetic digits instead of MNIST" in done.stderr
    assert "784-50-10 on synthetic, seed 0" in done.stdout


def test_mnist_is_not_replaced_where_it_was_asked_for_by_name(command):
    done = command("train", "--dataset", "mnist", "--epochs", 1)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: no mirror delivered")
    assert done.stdout == ""


# What follows fetches the real files, and needs them.


@pytest.fixture
def empty_cache(cache, mnist, monkeypatch):
    """The tool's own folder, empty, and nothing else that holds the digits."""
    monkeypatch.delenv("MNIST_BP_DATA_DIR")
    return cache


def assert_right(cache, mnist, remains=False):
    """The cache holds the four files, whole, their copies, and nothing else but remains."""
    expected = {name for file in MNIST_FILES for name in (file.name, file.unpacked_name)}
    found = [path for path in cache.iterdir() if not (remains and is_temporary(path))]
    assert {path.name for path in found} <= expected
    for file in MNIST_FILES:
        packed = (mnist / file.name).read_bytes()
        assert (cache / file.name).read_bytes() == packed
        unpacked = cache / file.unpacked_name
        assert not unpacked.exists() or unpacked.read_bytes() == gzip.decompress(packed)


@pytest.mark.mnist
@pytest.mark.parametrize("handler", [handler for handler, _ in FAULTS])
def test_after_a_fault_the_next_mirror_is_tried(empty_cache, mnist, serve, full, handler):
    if handler not in (NotFound, CutShort, Endless) and not full:
        pytest.skip("runs with --full")
    bad, good = serve(mnist, handler), serve(mnist)

    _, done = fill(mirrors=[bad, good])

    assert {origin for _, origin in done} == {good + file.name for file in MNIST_FILES}
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_dead_mirror_is_not_asked_for_the_next_file(empty_cache, mnist, serve):
    Broken.asked = 0

    fill(mirrors=[serve(mnist, Broken), serve(mnist)])

    assert Broken.asked == 3
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_file_with_one_bit_turned_is_refused(empty_cache, mnist, tmp_path, serve):
    for file in MNIST_FILES:
        content = bytearray((mnist / file.name).read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / file.name).write_bytes(content)
    bad, good = serve(tmp_path), serve(mnist)

    assert "another SHA-256" in failure(bad)[1]
    fill(mirrors=[bad, good])
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_mirror_that_is_busy_is_asked_again_when_it_says(empty_cache, mnist, serve):
    class Busy(Quiet):
        asked: ClassVar = []

        def do_GET(self):
            self.asked.append(time.monotonic())
            if len(self.asked) > 1:
                return super().do_GET()
            self.send_response(429)
            self.send_header("Retry-After", "2")
            self.end_headers()

    busy = serve(mnist, Busy)

    _, done = fill(mirrors=[busy])

    assert done[0][1] == busy + FIRST.name
    assert Busy.asked[1] - Busy.asked[0] >= 2


@pytest.mark.mnist
def test_a_connection_that_drops_once_is_tried_again(empty_cache, mnist, serve):
    class Stumbles(Quiet):
        asked = 0

        def do_GET(self):
            type(self).asked += 1
            if self.asked > 1:
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", str(FIRST.size))
            self.end_headers()
            self.wfile.write(START)

    fill(mirrors=[serve(mnist, Stumbles)])

    assert Stumbles.asked == 5
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_label_that_the_gz_is_an_encoding_is_not_believed(empty_cache, mnist, serve):
    class Labels(Quiet):
        def end_headers(self):
            self.send_header("Content-Encoding", "gzip")
            super().end_headers()

    fill(mirrors=[serve(mnist, Labels)])

    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_folder_is_a_mirror_too(empty_cache, mnist):
    fill(mirrors=[mnist.as_uri()])

    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_the_command_fills_the_cache_and_then_verifies_it(command, empty_cache, mnist, serve):
    mirror = serve(mnist)

    done = command("download", "--mirror", mirror)

    assert (done.returncode, done.stderr) == (0, "")
    assert all(mirror + file.name in done.stdout for file in MNIST_FILES)
    assert_right(empty_cache, mnist)

    again = command("download")

    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.count("verified") == 4


@pytest.mark.mnist
def test_missing_digits_are_downloaded_by_the_command_that_needs_them(
    command, empty_cache, mnist, serve
):
    done = command("gradcheck", "--hidden", 2, "--mirror", serve(mnist))

    assert done.returncode == 0, done.stderr
    assert "digits of mnist" in done.stdout


@pytest.mark.mnist
@pytest.mark.parametrize(
    ("name", "remedy"), [("name", "downloaded again"), ("unpacked_name", "unpacked again")]
)
def test_damage_to_the_cache_is_named_and_repaired(command, empty_cache, mnist, name, remedy):
    fill(mirrors=[mnist.as_uri()])
    path = empty_cache / getattr(FIRST, name)
    content = bytearray(path.read_bytes())
    content[1_000_000] ^= 1
    path.write_bytes(content)

    done = command("download", "--mirror", mnist.as_uri())

    assert done.returncode == 0
    assert f"{path} is damaged; it is {remedy}" in done.stderr
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_every_load_finds_damage(empty_cache, mnist):
    fill(mirrors=[mnist.as_uri()])
    right = read_digits(["train"])[0].images
    path = empty_cache / FIRST.unpacked_name
    content = bytearray(path.read_bytes())
    content[1_000_000] ^= 1
    path.write_bytes(content)

    assert (read_digits(["train"])[0].images == right).all()
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_force_downloads_whole_files_again(command, empty_cache, mnist):
    fill(mirrors=[mnist.as_uri()])

    done = command("download", "--force", "--mirror", mnist.as_uri())

    assert done.stdout.count(mnist.as_uri()) == 4
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_folder_with_some_of_mnists_files_is_completed_on_request(command, mnist, tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    for file in MNIST_FILES[1:]:
        shutil.copy(mnist / file.name, folder)

    done = command("download", "--data-dir", folder, "--mirror", mnist.as_uri())

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("verified") == 3
    assert_right(folder, mnist)


@pytest.mark.mnist
def test_a_folder_that_does_not_exist_is_created_on_request(command, mnist, tmp_path):
    done = command(
        "download", "--data-dir", tmp_path / "new" / "digits", "--mirror", mnist.as_uri()
    )

    assert done.returncode == 0, done.stderr
    assert_right(tmp_path / "new" / "digits", mnist)


def start_download(mirror, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", "download", "--mirror", mirror, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class Unhurried(Quiet):
    """Sends its files in about half a second."""

    def copyfile(self, source, outputfile):
        while piece := source.read(65536):
            outputfile.write(piece)
            time.sleep(0.003)


@pytest.mark.mnist
def test_eight_processes_at_once_all_end_well(empty_cache, mnist, serve):
    mirror = serve(mnist, Unhurried)

    processes = [start_download(mirror) for _ in range(8)]

    for process in processes:
        _, errors = process.communicate(timeout=100)
        assert (process.returncode, errors) == (0, b"")
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_download_killed_at_any_moment_leaves_nothing_wrong(empty_cache, mnist, serve, full):
    mirror = serve(mnist, Unhurried)
    random.seed(0)
    for _ in range(50 if full else 4):
        shutil.rmtree(empty_cache, ignore_errors=True)
        process = start_download(mirror)
        time.sleep(random.uniform(0.1, 1.2))
        process.kill()
        process.communicate()

        for file in MNIST_FILES:
            path = empty_cache / file.name
            assert not path.exists() or path.read_bytes() == (mnist / file.name).read_bytes()
        fill(mirrors=[mnist.as_uri()])
        assert_right(empty_cache, mnist, remains=True)


@pytest.mark.posix
@pytest.mark.mnist
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_a_download_to_a_folder_that_was_killed_can_be_repeated(
    command, mnist, tmp_path, serve, full, name
):
    if name != "SIGKILL" and not full:
        pytest.skip("runs with --full")
    folder = tmp_path / "new"
    process = start_download(serve(mnist, Unhurried), "--data-dir", folder)
    wait_for_half_a_file(folder)
    process.send_signal(getattr(signal, name))
    process.communicate()
    (remains,) = folder.iterdir()

    done = command("download", "--data-dir", folder, "--mirror", mnist.as_uri())

    assert done.returncode == 0, done.stderr
    # It may belong to a process that is still at work; after an hour, it does not.
    assert remains.exists()
    os.utime(remains, (time.time() - 4000,) * 2)
    command("download", "--data-dir", folder)
    assert_right(folder, mnist)


def wait_for_half_a_file(folder):
    while not any(path.stat().st_size for path in folder.glob(".*.tmp")):
        time.sleep(0.01)


@pytest.mark.posix
@pytest.mark.mnist
def test_a_process_that_was_stopped_does_not_blame_the_mirror(empty_cache, mnist, serve):
    asked, stopped, resumed = (threading.Event() for _ in range(3))

    class Hesitant(Quiet):
        """Sends very little until the process is stopped, and while it is."""

        def copyfile(self, source, outputfile):
            for size, event in ((100, asked), (100, stopped), (100, resumed)):
                outputfile.write(source.read(size))
                if event is asked:
                    event.set()
                else:
                    event.wait()
            super().copyfile(source, outputfile)

    mirror = serve(mnist, Hesitant)
    process = start_download(mirror, *(f"--mirror={other}" for other in OTHERS))
    asked.wait()

    process.send_signal(signal.SIGSTOP)
    stopped.set()
    time.sleep(2)
    process.send_signal(signal.SIGCONT)
    resumed.set()

    output, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (0, b"")
    assert output.count(mirror.encode()) == 4
    assert_right(empty_cache, mnist)


@pytest.mark.posix
@pytest.mark.mnist
def test_a_process_may_be_stopped_for_long(empty_cache, mnist, serve, full):
    if not full:
        pytest.skip("runs with --full")
    process = start_download(serve(mnist, Unhurried))
    wait_for_half_a_file(empty_cache)

    process.send_signal(signal.SIGSTOP)
    time.sleep(20)
    process.send_signal(signal.SIGCONT)

    _, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (0, b"")
    assert_right(empty_cache, mnist)


class Slow(Quiet):
    """Sends its files with about 10,000 bytes a second."""

    def copyfile(self, source, outputfile):
        while piece := source.read(1000):
            outputfile.write(piece)
            time.sleep(0.1)


@pytest.mark.mnist
def test_a_slow_download_is_not_given_up(empty_cache, mnist, tmp_path, serve):
    # Three files are there; the fourth takes longer than the mirror may keep us waiting.
    fill(mirrors=[mnist.as_uri()])
    labels = MNIST_FILES[1]
    for name in (labels.name, labels.unpacked_name):
        (empty_cache / name).unlink()
    mirror = serve(mnist, Slow)

    _, done = fill(mirrors=[mirror])

    assert done[1] == (labels.name, mirror + labels.name)
    assert_right(empty_cache, mnist)
