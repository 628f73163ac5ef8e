"""What the tests share: real files, real servers, and the real command in a process of its own."""

import functools
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers import REAL_MNIST, SHORT, Quiet, Server, draw_digits, write_idx


def pytest_configure():
    # Started in the background of a script, we would ignore Ctrl-C, and so would what we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the long counts too")


def pytest_collection_modifyitems(items):
    lacking = {
        "mnist": REAL_MNIST is None and "MNIST_BP_DATA_DIR names no folder with the real digits",
        "posix": os.name == "nt" and "Windows has no such signals, pipes, links or terminals",
    }
    for item in items:
        for name, reason in lacking.items():
            if reason and name in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def full(request):
    """Whether the long counts were asked for."""
    return request.config.getoption("--full")


@pytest.fixture(autouse=True)
def _a_home_of_its_own(tmp_path, monkeypatch):
    """Give every test an empty cache folder, no network, and none of the caller's settings."""
    for name in (
        "NO_COLOR",
        "FORCE_COLOR",
        "GITHUB_ACTIONS",
        "COLUMNS",
        "MNIST_BP_DEBUG",
        "MNIST_BP_DATA_DIR",
    ):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    # Whatever tries to leave this machine is refused at once.
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def cache(tmp_path):
    """The tool's own cache folder, which does not exist yet."""
    return tmp_path / "home" / "cache" / "mnist-bp"


@pytest.fixture
def mnist(monkeypatch):
    """The folder of the real digits, which the command finds too. For tests marked `mnist`."""
    monkeypatch.setenv("MNIST_BP_DATA_DIR", REAL_MNIST)
    return Path(REAL_MNIST)


@pytest.fixture
def command(tmp_path):
    """Run `mnist-bp` in an empty folder; returns the finished process, its output as text."""
    folder = tmp_path / "here"
    folder.mkdir()

    def run(*arguments, shell=None, **options):
        return subprocess.run(
            shell or [sys.executable, "-m", "mnist_bp", *map(str, arguments)],
            **{"cwd": folder, "capture_output": True, "text": True, "timeout": 300} | options,
        )

    run.folder = folder
    return run


@pytest.fixture
def inline(command, monkeypatch, capsys):
    """Run `mnist-bp` in this process, where a process of its own is not the point."""

    def run(*arguments):
        from mnist_bp.cli.app import main

        capsys.readouterr()
        log, status = logging.getLogger("mnist_bp"), 0
        with monkeypatch.context() as patch:
            patch.chdir(command.folder)
            patch.setattr(sys, "argv", ["mnist-bp", *map(str, arguments)])
            patch.setattr(log, "handlers", [])
            try:
                main()
            except SystemExit as end:
                status = end.code
        return subprocess.CompletedProcess(arguments, status, *capsys.readouterr())

    return run


@pytest.fixture
def peak_of(command):
    """Run the command to a good end; returns the most memory that it took, in megabytes."""
    if sys.platform != "linux":
        pytest.skip("memory is measured as Linux shows it")

    def run(*arguments):
        script = (
            f"import sys; sys.argv[1:] = {list(map(str, arguments))}\n"
            "from mnist_bp.cli.app import main\n"
            "try: main()\n"
            "finally: sys.stderr.write(open('/proc/self/status').read())"
        )
        done = command(shell=[sys.executable, "-c", script])
        assert done.returncode == 0, done.stderr
        return int(re.search(r"VmHWM:\s+(\d+)", done.stderr)[1]) / 1024

    return run


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory):
    """A folder with a small data set in MNIST's format: 530 training digits, 200 test digits."""
    folder = tmp_path_factory.mktemp("digits")
    for name, count, seed in (("train", 530, 1), ("t10k", 200, 2)):
        images, labels = draw_digits(count, seed)
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", labels)
    return folder


@pytest.fixture(scope="session")
def dataset(digits_folder):
    """The training digits and the test digits of `digits_folder`."""
    from mnist_bp.data.sources import read_digits

    return read_digits(["train", "test"], data_dir=digits_folder)


@pytest.fixture(scope="session")
def _trained_once(tmp_path_factory, digits_folder):
    path = tmp_path_factory.mktemp("trained") / "trained.npz"
    arguments = ("train", *SHORT, "--data-dir", digits_folder, "--output", path)
    subprocess.run([sys.executable, "-m", "mnist_bp", *map(str, arguments)], check=True)
    return path


@pytest.fixture
def trained(command, _trained_once):
    """A checkpoint that the command saved after two epochs, in the folder where it runs."""
    return Path(shutil.copy(_trained_once, command.folder))


@pytest.fixture
def serve():
    """Start web servers on the loopback interface: `serve(folder)` returns the address."""
    servers = []

    def start(folder, handler=Quiet, tls=None):
        server = Server(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
        server.daemon_threads = True
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.block_on_close = False
        server.server_close()
