"""A sweep on a real Dask cluster: a scheduler and workers, each a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from swept import RECIPES, contents, said, same, wait_until, write_recipes

pytest.importorskip("distributed", reason="the extra cluster is not installed")

SHORT = ("--epochs", 3, "--validation", 100, "--batch-size", 20)
LONG = ("--epochs", 150, "--validation", 100, "--batch-size", 5, "--seed", "0-3")


class Cluster:
    """A scheduler on the loopback interface, and its workers."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.started = []
        self.scheduler = self.start_scheduler()

    def start(self, kind, *arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.started.append(process)
        return process

    def start_scheduler(self):
        return self.start("scheduler", "--host", "127.0.0.1", "--port", self.port, "--no-dashboard")

    def worker(self, *arguments, **environment):
        options = ("--nthreads", 1, "--no-dashboard", "--no-nanny")
        return self.start("worker", self.address, *options, *arguments, **environment)

    def wait_for_workers(self, count):
        from distributed import Client

        with Client(self.address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def close(self):
        for process in self.started:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path, digits_folder, monkeypatch):
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(digits_folder))
    running = Cluster(tmp_path, dict(os.environ))
    yield running
    running.close()


@pytest.fixture
def sweep(command, cluster):
    """Run `mnist-bp sweep` on the cluster."""

    def run(*arguments):
        return command("sweep", *arguments, "--dask", cluster.address)

    return run


def test_a_cluster_makes_the_bits_that_this_machine_makes(sweep, command, cluster):
    cluster.worker()
    cluster.wait_for_workers(1)
    # Two threads in one process: its runs must not change each other's number of BLAS threads.
    cluster.worker("--nthreads", 2)
    words = ["--config", write_recipes(command.folder), "--threads", "1,2", *SHORT]
    done = sweep(*words, "-o", "there", "--json")
    assert (done.returncode, said(done.stderr)) == (0, [])
    assert json.loads(done.stdout)["failed"] == []
    assert command("sweep", *words, "-o", "here").returncode == 0
    assert same(command.folder / "there", command.folder / "here") == 2 * len(RECIPES)


@pytest.mark.posix
def test_a_run_that_takes_long_comes_back_in_parts_and_goes_on(sweep, command, cluster):
    cluster.worker()
    cluster.wait_for_workers(1)
    words = [*LONG, "--epochs", 4000, "--seed", 0, "--hidden", 10, "-o", "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", "sweep", *map(str, words), "--dask", cluster.address],
        cwd=command.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = command.folder / "out" / "seed-0.npz"
    wait_until(part.exists)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said(errors) == ["Stopped: what is done is saved; the same command goes on"]
    with np.load(part) as archive:
        epochs = len(archive["history"])
    assert 1 < epochs < 4000


def test_a_worker_that_is_killed_costs_only_time(sweep, command, cluster):
    victim = cluster.worker()
    cluster.worker()
    cluster.wait_for_workers(2)
    process = start(command, cluster)
    wait_until(lambda: list((command.folder / "out").glob("*.npz")))
    victim.kill()
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, said(errors)) == (0, [])
    assert json.loads(output)["settings"][0]["n"] == 4


def start(command, cluster):
    words = ["sweep", *LONG, "-o", "out", "--dask", cluster.address, "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", *map(str, words)],
        cwd=command.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_without_its_scheduler_a_sweep_ends_and_goes_on_with_the_next_one(sweep, command, cluster):
    cluster.worker()
    cluster.wait_for_workers(1)
    process = start(command, cluster)
    folder = command.folder / "out"
    wait_until(lambda: list(folder.glob("*.npz")))
    cluster.scheduler.kill()
    cluster.scheduler.wait()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    (message,) = said(errors)
    assert "the connection to the Dask scheduler is lost" in message
    assert list(folder.glob("*.npz"))
    kept = {
        path: path.stat().st_mtime_ns
        for path in folder.glob("*.npz")
        if len(contents(path)["epoch"][2]) == 8 * 151
    }

    cluster.start_scheduler()
    cluster.worker()
    done = sweep(*LONG, "-o", "out", "--json")
    assert json.loads(done.stdout)["settings"][0]["n"] == 4
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


OLD = "import mnist_bp.version\nmnist_bp.version.__version__ = '0.0.1'\n"


def assert_the_other_worker_trains_all(sweep, cluster, problem):
    """One worker cannot be used, for this reason; another one trains all runs."""
    cluster.worker()
    cluster.wait_for_workers(2)
    done = sweep("--seed", "0-7", *SHORT, "-o", "out", "--json")
    assert done.returncode == 0
    (message,) = said(done.stderr)
    assert f"is not used: {problem}" in message
    assert json.loads(done.stdout)["settings"][0]["n"] == 8


def test_a_worker_of_another_version_is_named_once_and_not_used(sweep, cluster, tmp_path):
    (tmp_path / "old.py").write_text(OLD)
    cluster.worker("--preload", tmp_path / "old.py")
    assert_the_other_worker_trains_all(sweep, cluster, "it has mnist-bp 0.0.1")


def test_a_worker_without_digits_is_named_once_and_not_used(sweep, cluster):
    cluster.worker(MNIST_BP_DATA_DIR="")
    assert_the_other_worker_trains_all(sweep, cluster, "the data set custom is not MNIST's")


def test_where_no_worker_can_be_used_the_sweep_ends(sweep, cluster):
    cluster.worker(MNIST_BP_DATA_DIR="")
    cluster.wait_for_workers(1)
    done = sweep("--seed", "0-3", *SHORT, "-o", "out")
    assert done.returncode == 1
    warning, error = said(done.stderr)
    assert "is not used" in warning
    assert error == "Error: none of the workers can train the runs of this sweep"


def test_without_a_scheduler_there_is_one_message(command, digits_folder):
    done = command(
        *("sweep", *SHORT, "-o", "out", "--data-dir", digits_folder),
        *("--dask", "tcp://127.0.0.1:1"),
    )
    assert done.returncode == 1
    (message,) = said(done.stderr)
    assert message.startswith("Error: no Dask scheduler answers at tcp://127.0.0.1:1")


def test_an_address_that_is_none_is_wrong_usage(command, digits_folder):
    done = command(
        *("sweep", *SHORT, "-o", "out", "--data-dir", digits_folder, "--dask", "nonsense")
    )
    assert done.returncode == 2
    assert said(done.stderr) == [
        "Error: --dask must be an address such as tcp://host:8786, not nonsense"
    ]


def test_a_worker_without_the_package_ends_the_sweep_with_one_message(sweep, cluster, tmp_path):
    (tmp_path / "mnist_bp").mkdir()
    (tmp_path / "mnist_bp" / "__init__.py").write_text("raise ImportError('not installed')")
    cluster.worker(PYTHONPATH=str(tmp_path))
    cluster.wait_for_workers(1)
    done = sweep("--seed", "0-3", *SHORT, "-o", "out")
    assert done.returncode == 1
    (message,) = said(done.stderr)
    assert "is the same mnist-bp installed there?" in message


def test_a_sweep_says_that_it_waits_for_workers(command, cluster):
    process = start(command, cluster)
    lines = iter(process.stderr.readline, "")
    assert any("waiting for them" in line for line in lines)
    cluster.worker()
    process.communicate(timeout=300)
    assert process.returncode == 0


def test_failed_runs_are_listed_and_the_others_go_on(sweep, cluster):
    cluster.worker()
    cluster.wait_for_workers(1)
    done = sweep("--lr", "0.1,1e30", *SHORT, "-o", "out", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [each["setting"] for each in found["settings"]] == [{"lr": 0.1}]
    assert "the run went wrong" in found["failed"][0]["reason"]
