"""The scripts: what they say where something is missing, their environment, and the benchmark."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from benchmarks.contenders import EPOCHS, check_rows
from benchmarks.growth import slope
from benchmarks.loop import arithmetic
from benchmarks.processes import run, shown, spread
from environment import requirements

CHECKOUT = Path(__file__).parent.parent
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
SCRIPTS = ("mnist-bp", "test", "check")
TOOLS = ("sh", "dirname", "cat", "cksum")
REAL_PYTHON = f'exec "{sys.executable}" "$@"'

HOLD_THE_LOCK = """
import sys, time
sys.path.insert(0, "scripts")
import pathlib, environment
with environment.locked(pathlib.Path(".venv.lock")):
    print("locked", flush=True)
    time.sleep(60)
"""


class BareMachine:
    """A fresh checkout on a machine with a few tools only."""

    def __init__(self, folder):
        self.checkout, self.tools = folder / "a checkout", folder / "bin"
        self.environment = self.checkout / ".venv"
        shutil.copytree(CHECKOUT / "scripts", self.checkout / "scripts")
        shutil.copy(CHECKOUT / "pyproject.toml", self.checkout)
        self.tools.mkdir()
        for name in TOOLS:
            (self.tools / name).symlink_to(shutil.which(name))

    def add(self, path, text):
        """Write a program, in place of what a real machine has there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!{shutil.which('sh')}\n{text}\n")
        path.chmod(0o755)

    def start(self, script, variables):
        """Start a script."""
        return subprocess.Popen(
            [self.checkout / "scripts" / script, "--version"],
            env={"PATH": str(self.tools)} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script="mnist-bp", variables=None, **programs):
        """Run a script, where the programs are installed, too; return its status and output."""
        for name, text in programs.items():
            self.add(self.tools / name, text)
        process = self.start(script, variables or {})
        output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors

    def finish(self, *needs):
        """Do what a set-up does, without a network."""
        pyproject = (self.checkout / "pyproject.toml").read_bytes()
        cksum = subprocess.run(["cksum"], input=pyproject, capture_output=True, check=True)
        state = f"{cksum.stdout.decode().strip()} {self.checkout.resolve()}"
        self.add(self.environment / "bin" / "python", 'echo "ran with" "$@"')
        lines = "".join(f"[{need} {state}]\n" for need in needs)
        (self.environment / "installed").write_text(lines)


@pytest.fixture
def machine(tmp_path):
    """A machine with nothing but a shell."""
    if os.name == "nt":
        pytest.skip("the scripts need a POSIX shell")
    return BareMachine(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_python_it_says_what_to_install(machine, script):
    status, output, errors = machine.run(script)

    assert status == 1
    assert "needs Python 3.11 or newer; here is no Python at all" in errors
    assert "sudo apt install python3 python3-venv" in errors
    assert output == ""


def test_with_an_old_python_it_says_which_and_what_to_install(machine):
    status, _, errors = machine.run(python3='[ "$1" = --version ] && echo "Python 3.9.18"')

    assert status == 1
    assert "needs Python 3.11 or newer; here is Python 3.9.18" in errors
    assert "brew install python" in errors


def test_with_a_python_that_lacks_venv_it_says_what_to_install(machine):
    status, _, errors = machine.run(python3='case "$2" in *ensurepip*) exit 1;; esac')

    assert status == 1
    assert "python3 has no venv" in errors
    assert "sudo apt install python3-venv" in errors


def test_a_newer_python_under_another_name_is_found(machine):
    _, _, errors = machine.run(**{"python3": "exit 1", "python3.12": 'echo "$0 $1" >&2'})

    assert "bin/python3.12" in errors
    assert "scripts/environment.py" in errors


def test_the_python_that_is_asked_for_gets_an_environment_of_its_own(machine):
    there = 'case "$2" in *print*) echo 3.13;; *) echo "$0 $2" >&2;; esac'
    _, _, errors = machine.run(variables={"PYTHON": "my-python"}, **{"my-python": there})

    assert "bin/my-python" in errors
    assert f"{machine.environment}-3.13" in errors

    status, _, errors = machine.run(variables={"PYTHON": "python9"})

    assert status == 1
    assert "PYTHON=python9 is not a Python that works" in errors


def test_a_set_up_that_failed_is_not_taken_for_done(machine):
    for _ in range(2):
        status, output, errors = machine.run(variables={"PIP_NO_INDEX": "1"}, python3=REAL_PYTHON)

        assert status == 1
        assert f"Setting up {machine.environment}" in errors
        assert "the packages could not be installed; is there a network?" in errors
        assert output == ""


def test_what_is_installed_is_used_at_once(machine):
    machine.finish("report")

    assert machine.run() == (0, "ran with -m mnist_bp --version\n", "")


def test_what_another_script_needs_is_installed_when_it_is_called(machine):
    machine.finish("report", "cluster")
    installing = 'case "$1" in *environment.py) shift 3; echo "installs: $*" >&2; exit 4;; esac'
    status, _, errors = machine.run("test", python3=installing)

    assert status == 4
    assert errors == "installs: test\n"


def test_a_checkout_that_was_moved_or_changed_is_set_up_again(machine):
    machine.finish("report")
    with (machine.checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    status, _, _ = machine.run(python3='case "$1" in *environment.py) exit 4;; esac')

    assert status == 4

    machine.finish("report")
    machine.checkout = machine.checkout.rename(machine.checkout.with_name("moved"))

    assert machine.run()[0] == 4


def test_a_second_start_waits_for_the_first_and_goes_on_when_it_dies(machine):
    machine.add(machine.tools / "python3", REAL_PYTHON)
    holder = [sys.executable, "-c", HOLD_THE_LOCK]
    with subprocess.Popen(holder, cwd=machine.checkout, stdout=subprocess.PIPE) as first:
        assert first.stdout.readline() == b"locked\n"
        second = machine.start("mnist-bp", {})
        assert "Waiting for another process" in second.stderr.readline()
        machine.finish("report")
        time.sleep(0.5)
        assert second.poll() is None
        first.kill()
    output, errors = second.communicate(timeout=60)

    assert (second.returncode, output, errors) == (0, "ran with -m mnist_bp --version\n", "")


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_installs_what_pyproject_lists(script):
    text = (CHECKOUT / "scripts" / script).read_text("utf-8")
    needs = re.search(r"needs='?([a-z ]+?)'? lowest=", text)[1].split()
    listed = requirements(needs, lowest=False)

    assert listed[:2] == ["--editable", "."]
    assert ("pytest>=8.0" in listed) == (script == "test")


def test_the_lowest_versions_are_those_that_pyproject_names():
    listed = requirements(["report"], lowest=True)
    allowed = PROJECT["project"]["dependencies"]
    allowed = allowed + PROJECT["project"]["optional-dependencies"]["report"]

    assert set(listed[2:]) == {each.replace(">=", "==") for each in allowed}
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+", each) for each in listed[2:])


def test_the_benchmark_finds_work_that_was_not_done():
    done = [(0.97, 0.968)] * EPOCHS

    assert check_rows("this", done) is None
    assert "printed 16 rows" in check_rows("this", done[1:])
    assert "reached 0.1000" in check_rows("this", [*done[1:], (0.1, 0.1)])


def test_the_benchmark_counts_the_arithmetic_of_the_chapters_net():
    step, image = 100 * 2 * (2 * 784 * 50 + 3 * 50 * 10), 2 * (784 * 50 + 50 * 10)

    assert arithmetic(hidden=50, epochs=17) == 17 * 600 * step + 18 * 70_000 * image


def test_the_benchmark_counts_the_memory_of_the_process_alone():
    large = np.ones(40_000_000)

    process = run([sys.executable, "-c", "print('done')"])

    assert large.nbytes / 1e6 == 320
    assert process.output == "done"
    assert 1 < process.megabytes < 100
    assert process.seconds > 0


def test_the_benchmark_tells_how_time_grows_with_size():
    square = [{"size": size, "seconds": 0.1 * size**2} for size in (1, 10, 50)]

    assert slope(square) == pytest.approx(2)


def test_the_benchmark_shows_the_spread_of_the_rounds():
    assert shown(spread([1.5, 1.25, 4.0]), 1) == "1.5 (1.2 to 4.0)"


@pytest.mark.mnist
def test_the_benchmark_leaves_out_what_is_not_installed(mnist, full):
    if not full:
        pytest.skip("the benchmark runs with --full")
    script = [sys.executable, CHECKOUT / "scripts" / "benchmark.py"]
    quick = ["--rounds", "1", "--tables", "contenders", "--only", "keras_jax", "--json"]
    if importlib.util.find_spec("keras"):
        pytest.skip("Keras is installed")
    done = subprocess.run([*script, *quick], capture_output=True, text=True)

    found = json.loads(done.stdout)["contenders"]
    assert found["left_out"] == ["keras_jax (keras, jax not installed)"]
    assert list(found["contenders"]) == ["mnist-bp", "mnist-bp, speedrun"]
    assert all(each["test_accuracy"] > 0.965 for each in found["contenders"].values())
    assert found["problems"] == []


@pytest.mark.parametrize(("recipe", "problem"), [("recrod", "recrod"), ("record", "no mirror")])
def test_distorted_digits_that_cannot_be_drawn_are_one_message(tmp_path, recipe, problem):
    command = [sys.executable, CHECKOUT / "scripts/distorted_digits.py", recipe]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
