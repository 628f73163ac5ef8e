"""The download, against real servers on the loopback interface."""

import shutil
from http.server import BaseHTTPRequestHandler

import pytest

from mnist_bp.data import mnist
from mnist_bp.data.download import MNIST_FILES
from mnist_bp.errors import DataError, DownloadError


class Handler(BaseHTTPRequestHandler):
    def __init__(self, *arguments, directory):
        super().__init__(*arguments)

    def log_message(self, *_):
        pass


class LoginPage(Handler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Please log in.</html>")


class Endless(Handler):
    sent = 0

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                type(self).sent += self.wfile.write(b"\0" * 65536)
        except OSError:
            pass


def test_a_failure_lists_every_mirror_and_why(cache, tmp_path, serve):
    empty, page = serve(tmp_path), serve(tmp_path, LoginPage)

    with pytest.raises(DownloadError) as caught:
        mnist.fill(mirrors=[empty, page, "http://127.0.0.1:9/"])

    lines = str(caught.value).splitlines()
    assert lines[0] == "no mirror delivered train-images-idx3-ubyte.gz:"
    assert lines[1] == f"  {empty}train-images-idx3-ubyte.gz: answered 404 File not found"
    assert lines[2].startswith(f"  {page}train-images-idx3-ubyte.gz: sent 27 bytes with SHA-256")
    assert lines[3].startswith("  http://127.0.0.1:9/train-images-idx3-ubyte.gz: ConnectionError:")
    assert len([line for line in lines if line.startswith("  https://")]) == 3
    assert "--mirror" in lines[-1]
    assert "--data-dir" in lines[-1]
    assert list(cache.iterdir()) == []


def test_no_more_than_the_known_size_is_taken(cache, tmp_path, serve):
    with pytest.raises(DownloadError, match="sent more than the file's 9,912,422 bytes"):
        mnist.fill(mirrors=[serve(tmp_path, Endless)])

    assert Endless.sent < 9_912_422 + 20_000_000
    assert list(cache.iterdir()) == []


def test_nothing_is_downloaded_beside_files_that_are_not_mnists(digits_folder):
    with pytest.raises(DataError, match="is not MNIST's file of that name"):
        mnist.fill(digits_folder)


def test_the_command_fails_with_one_message(command, tmp_path, serve):
    done = command("download", "--mirror", serve(tmp_path))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: no mirror delivered")
    assert "Traceback" not in done.stderr


@pytest.mark.mnist
def test_the_cache_is_filled_from_the_first_mirror_that_is_right(
    command, cache, mnist, tmp_path, serve, monkeypatch
):
    monkeypatch.delenv("MNIST_BP_DATA_DIR")
    wrong, right = serve(tmp_path, LoginPage), serve(mnist)

    done = command("download", "--mirror", wrong, "--mirror", right)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert sorted(path.name for path in cache.iterdir()) == sorted(f.name for f in MNIST_FILES)
    for file in MNIST_FILES:
        assert f"{right}{file.name}" in done.stdout
        assert (cache / file.name).read_bytes() == (mnist / file.name).read_bytes()

    again = command("download")

    assert again.returncode == 0
    assert again.stdout.count("verified") == 4


@pytest.mark.mnist
def test_digits_that_are_missing_are_downloaded_by_the_command_that_needs_them(
    command, cache, mnist, serve, monkeypatch
):
    monkeypatch.delenv("MNIST_BP_DATA_DIR")

    done = command("gradcheck", "--hidden", 2, "--mirror", serve(mnist))

    assert done.returncode == 0, done.stderr
    assert len(list(cache.iterdir())) == 4


@pytest.mark.mnist
def test_a_folder_with_some_of_mnists_files_is_completed_on_request(
    command, mnist, tmp_path, serve
):
    for file in MNIST_FILES[1:]:
        shutil.copy(mnist / file.name, tmp_path)

    done = command("download", "--data-dir", tmp_path, "--mirror", serve(mnist))

    assert done.returncode == 0, done.stderr
    first = MNIST_FILES[0].name
    assert (tmp_path / first).read_bytes() == (mnist / first).read_bytes()
