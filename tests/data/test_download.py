"""The download, against real servers on the loopback interface that fail in every way we know."""

import gzip
import random
import re
import shutil
import ssl
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest
from helpers import Quiet

from mnist_bp.data import mnist as digits
from mnist_bp.data.mnist import read_digits
from mnist_bp.data.pinned import MNIST_FILES
from mnist_bp.errors import DataError, DownloadError, UsageError

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


class Mute(Handler):
    def do_GET(self):
        time.sleep(25)


class Drip(Handler):
    def do_GET(self):
        self.answer()
        try:
            for byte in START:
                self.wfile.write(bytes([byte]))
                time.sleep(0.2)
        except OSError:
            pass


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
    (RedirectLoop, "redirects without end"),
    (HangsUp, "dropped the connection"),
]
SLOW_FAULTS = [(Mute, "kept us waiting for 7 seconds"), (Drip, "kept us waiting for 7 seconds")]


def failure(*mirrors):
    """The message of a download that fails, line by line."""
    with pytest.raises(DownloadError) as caught:
        digits.fill(mirrors=mirrors)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(("handler", "reason"), FAULTS)
def test_whatever_a_mirror_sends_instead_is_refused_with_a_line(
    cache, tmp_path, serve, handler, reason
):
    mirror = serve(tmp_path, handler)

    line = failure(mirror)[1]

    assert re.fullmatch(f"  {mirror}: {reason}.*", line)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(("handler", "reason"), SLOW_FAULTS)
def test_a_mirror_that_keeps_us_waiting_is_given_up(tmp_path, serve, full, handler, reason):
    if handler is Drip and not full:
        pytest.skip("runs with --full")

    assert reason in failure(serve(tmp_path, handler))[1]


def test_dead_mirrors_are_given_up_in_bounded_time(tmp_path, serve, full):
    if not full:
        pytest.skip("runs with --full")
    started = time.monotonic()

    failure(*(serve(tmp_path, Mute) for _ in range(5)))

    assert time.monotonic() - started < 20


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path, serve):
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

    assert f"  {mirror}: has a certificate that is not trusted" in failure(mirror)[1]


def test_a_failure_says_all_that_a_person_can_do(cache, tmp_path, serve):
    lines = failure(serve(tmp_path), "http://127.0.0.1:9/")

    assert lines[0] == f"no mirror delivered {FIRST.name}"
    assert lines[1].endswith(": answered 404 File not found")
    assert lines[2].startswith("  http://127.0.0.1:9/: cannot be reached: ")
    assert [line.split("/")[0] for line in lines[3:6]] == ["  https:"] * 3
    assert str(cache) in lines[6]
    assert "--data-dir" in lines[6]
    assert "--dataset synthetic" in lines[7]


def test_what_can_pass_is_tried_again_and_then_the_mirror_is_dead(tmp_path, serve):
    Broken.asked = 0

    failure(serve(tmp_path, Broken))

    assert Broken.asked == 3


def test_no_more_than_the_known_size_is_taken(tmp_path, serve):
    Endless.sent = 0

    failure(serve(tmp_path, Endless))

    assert Endless.sent < FIRST.size + 20_000_000


def test_a_mirror_must_be_an_address():
    for address in ("digits", "ftp://example.org/", "/tmp"):
        with pytest.raises(UsageError, match="begins with http:, https: or file:"):
            digits.fill(mirrors=[address])


def test_nothing_is_downloaded_beside_files_that_are_not_mnists(digits_folder):
    with pytest.raises(DataError, match="is not MNIST's file of that name"):
        digits.fill(digits_folder)


def test_nothing_is_downloaded_into_a_folder_of_other_things(tmp_path):
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(DataError, match="is not empty and holds none of MNIST's files"):
        digits.fill(tmp_path)


def test_a_cache_that_cannot_be_written_is_one_message(command, cache):
    cache.parent.mkdir()
    cache.touch()

    for arguments in (["download"], ["train"], ["gradcheck"]):
        done = command(*arguments, "--mirror", "http://127.0.0.1:9/")
        assert done.returncode == 1
        assert done.stderr.startswith(f"Error: {cache} cannot be written: ")
        assert len(done.stderr.splitlines()) == 1


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
    assert len(done.stderr.splitlines()) == 1
    assert list(cache.iterdir()) == []


def test_without_mnist_and_network_training_goes_on_with_synthetic_digits(command):
    done = command("train", "--epochs", 1)

    assert done.returncode == 0
    assert "MNIST could not be reached" in done.stderr
    assert "going on with the synthetic digits instead of MNIST" in done.stderr
    assert "784-50-10 on synthetic, seed 0" in done.stdout


def test_mnist_that_was_asked_for_by_name_has_no_substitute(command):
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


def assert_right(cache, mnist):
    """The cache holds the four files, whole, their copies, and nothing else."""
    expected = {name for file in MNIST_FILES for name in (file.name, file.unpacked_name)}
    assert {path.name for path in cache.iterdir()} <= expected
    for file in MNIST_FILES:
        packed = (mnist / file.name).read_bytes()
        assert (cache / file.name).read_bytes() == packed
        unpacked = cache / file.unpacked_name
        assert not unpacked.exists() or unpacked.read_bytes() == gzip.decompress(packed)


@pytest.mark.mnist
@pytest.mark.parametrize("handler", [handler for handler, _ in FAULTS])
def test_after_a_fault_the_next_mirror_is_tried(empty_cache, mnist, serve, handler):
    bad, good = serve(mnist, handler), serve(mnist)

    _, done = digits.fill(mirrors=[bad, good])

    assert {origin for _, origin in done} == {good + file.name for file in MNIST_FILES}
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_dead_mirror_is_not_asked_for_the_next_file(empty_cache, mnist, serve):
    Broken.asked = 0

    digits.fill(mirrors=[serve(mnist, Broken), serve(mnist)])

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
    digits.fill(mirrors=[bad, good])
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

    _, done = digits.fill(mirrors=[busy])

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

    digits.fill(mirrors=[serve(mnist, Stumbles)])

    assert Stumbles.asked == 5
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_label_that_the_gz_is_an_encoding_is_not_believed(empty_cache, mnist, serve):
    class Labels(Quiet):
        def end_headers(self):
            self.send_header("Content-Encoding", "gzip")
            super().end_headers()

    digits.fill(mirrors=[serve(mnist, Labels)])

    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_a_folder_is_a_mirror_too(empty_cache, mnist):
    digits.fill(mirrors=[mnist.as_uri()])

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
def test_digits_that_are_missing_are_downloaded_by_the_command_that_needs_them(
    command, empty_cache, mnist, serve
):
    done = command("gradcheck", "--hidden", 2, "--mirror", serve(mnist))

    assert done.returncode == 0, done.stderr
    assert "digits of mnist" in done.stdout


@pytest.mark.mnist
@pytest.mark.parametrize("name", ["name", "unpacked_name"])
def test_damage_after_the_fact_is_named_and_mended(command, empty_cache, mnist, name):
    digits.fill(mirrors=[mnist.as_uri()])
    path = empty_cache / getattr(FIRST, name)
    content = bytearray(path.read_bytes())
    content[1_000_000] ^= 1
    path.write_bytes(content)

    done = command("download", "--mirror", mnist.as_uri())

    assert done.returncode == 0
    assert f"{path} is damaged; it is made anew" in done.stderr
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_every_load_finds_damage(empty_cache, mnist):
    digits.fill(mirrors=[mnist.as_uri()])
    right = read_digits(["train"])[0].images
    path = empty_cache / FIRST.unpacked_name
    content = bytearray(path.read_bytes())
    content[1_000_000] ^= 1
    path.write_bytes(content)

    assert (read_digits(["train"])[0].images == right).all()
    assert_right(empty_cache, mnist)


@pytest.mark.mnist
def test_force_downloads_anew(command, empty_cache, mnist):
    digits.fill(mirrors=[mnist.as_uri()])

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
def test_a_folder_that_does_not_exist_is_made_on_request(command, mnist, tmp_path):
    done = command(
        "download", "--data-dir", tmp_path / "new" / "digits", "--mirror", mnist.as_uri()
    )

    assert done.returncode == 0, done.stderr
    assert_right(tmp_path / "new" / "digits", mnist)


def start_download(mirror):
    return subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", "download", "--mirror", mirror],
        stdout=subprocess.DEVNULL,
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
        digits.fill(mirrors=[mnist.as_uri()])
        assert_right(empty_cache, mnist)


def test_what_a_killed_process_left_is_swept_up_and_a_living_one_is_spared(tmp_path):
    script = (
        "import sys, pathlib, time; from mnist_bp.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); print('writing', flush=True); time.sleep(60)\n"
    )
    path = tmp_path / "weights[1].npz"
    dead, living = (
        subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE)
        for _ in range(2)
    )
    for process in (dead, living):
        process.stdout.readline()
    dead.kill()
    dead.communicate()

    from mnist_bp.files import sweep

    sweep(path)

    left = list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))
    living.kill()
    living.communicate()
    assert len(set(left)) == 1
