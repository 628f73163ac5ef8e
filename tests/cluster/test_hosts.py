"""A sweep between two hosts: network namespaces of one machine, which share no address."""

import json
import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("distributed", reason="the extra cluster is not installed")

HERE, THERE = "10.213.77.1", "10.213.77.2"


@pytest.fixture
def hosts():
    """Two network namespaces with a cable between them; returns how to start a program in one."""
    names = {HERE: f"sweep-{os.getpid()}-a", THERE: f"sweep-{os.getpid()}-b"}
    ends = {HERE: f"sw{os.getpid()}a", THERE: f"sw{os.getpid()}b"}
    started = []

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def start(address, *words, **options):
        command = ["ip", "netns", "exec", names[address], sys.executable, "-m", *map(str, words)]
        started.append(subprocess.Popen(command, text=True, **options))
        return started[-1]

    if not shutil.which("ip"):
        pytest.skip("there is no program ip, which makes network namespaces")
    try:
        for name in names.values():
            ip("netns", "add", name)
        ip("link", "add", ends[HERE], "type", "veth", "peer", "name", ends[THERE])
        for address, name in names.items():
            ip("link", "set", ends[address], "netns", name)
            ip("-n", name, "address", "add", f"{address}/24", "dev", ends[address])
            ip("-n", name, "link", "set", ends[address], "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield start
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine makes no network namespaces: {error.stderr}")
    finally:
        for process in started:
            process.kill()
            process.wait()
        for name in names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def test_a_worker_on_another_host_trains_for_this_one(hosts, command, digits_folder, monkeypatch):
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(digits_folder))
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    address = f"tcp://{HERE}:8786"
    hosts(HERE, "distributed.cli.dask_scheduler", "--host", HERE, "--no-dashboard", **silent)
    options = ("--host", THERE, "--nthreads", 1, "--no-dashboard")
    hosts(THERE, "distributed.cli.dask_worker", address, *options, **silent)
    words = ["sweep", "--seed", "0-3", "--epochs", 2, "-o", "out", "--dask", address, "--json"]

    process = hosts(HERE, "mnist_bp", *words, cwd=command.folder, stdout=subprocess.PIPE)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 0
    assert json.loads(output)["settings"][0]["n"] == 4
    assert len(list((command.folder / "out").glob("*.npz"))) == 4
