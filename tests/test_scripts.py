"""The scripts: what they say on a machine where something is missing, and the benchmark."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmark import EPOCHS, arithmetic, check_rows, run

CHECKOUT = Path(__file__).parent.parent
TOOLS = ("sh", "dirname", "cat", "cksum")


@pytest.fixture
def bare_machine(tmp_path):
    """A fresh checkout and a PATH with a few tools only; `run(python3=...)` adds a Python."""
    checkout, tools = tmp_path / "a checkout", tmp_path / "bin"
    shutil.copytree(CHECKOUT / "scripts", checkout / "scripts")
    shutil.copy(CHECKOUT / "pyproject.toml", checkout)
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(shutil.which(name))

    def run(script="mnist-bp", **programs):
        for name, text in programs.items():
            (tools / name).write_text(f"#!{shutil.which('sh')}\n{text}\n")
            (tools / name).chmod(0o755)
        return subprocess.run(
            [checkout / "scripts" / script, "--version"],
            env={"PATH": str(tools)},
            capture_output=True,
            text=True,
        )

    run.checkout = checkout
    return run


@pytest.mark.parametrize("script", ["mnist-bp", "test", "check"])
def test_without_python_it_says_what_to_install(bare_machine, script):
    done = bare_machine(script)

    assert done.returncode == 1
    assert "needs Python 3.11 or newer; here is no Python at all" in done.stderr
    assert "sudo apt install python3 python3-venv" in done.stderr
    assert done.stdout == ""


def test_with_an_old_python_it_says_which_and_what_to_install(bare_machine):
    done = bare_machine(python3='[ "$1" = --version ] && echo "Python 3.9.18"')

    assert done.returncode == 1
    assert "needs Python 3.11 or newer; here is Python 3.9.18" in done.stderr
    assert "brew install python" in done.stderr


def test_with_a_python_that_lacks_venv_it_says_what_to_install(bare_machine):
    done = bare_machine(python3='case "$2" in *ensurepip*) exit 1;; esac')

    assert done.returncode == 1
    assert "python3 has no venv" in done.stderr
    assert "sudo apt install python3-venv" in done.stderr


def test_a_setup_that_fails_is_not_taken_for_done(bare_machine):
    done = bare_machine(python3='[ "$2" = venv ] && exit 3; exit 0')

    assert done.returncode == 1
    assert "the environment could not be made" in done.stderr
    assert not (bare_machine.checkout / ".venv" / "made-from").exists()


def test_a_newer_python_under_another_name_is_found(bare_machine):
    done = bare_machine(**{"python3": "exit 1", "python3.12": 'echo "$*" >&2'})

    assert "-m venv --clear" in done.stderr


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
    assert found["problems"] == []
