"""The command gradcheck: its rows, its JSON, and a layer that is wrong."""

import json
import re
import sys

import numpy as np
import pytest
from helpers import write_idx


def test_the_command_prints_a_row_for_every_parameter_and_layer(command, digits_folder):
    done = command("gradcheck", "--hidden", 4, "--data-dir", digits_folder)

    assert done.returncode == 0, done.stderr
    rows = {" ".join(line.split()[:2]): line for line in done.stdout.splitlines() if line.strip()}
    for name in ("network W1", "network b2", "Affine W", "Sigmoid x", "Reciprocal x", "ReLU x"):
        assert rows[name].rstrip().endswith("holds")


def test_the_command_prints_json(command, digits_folder):
    done = command("gradcheck", "--hidden", 4, "--json", "--data-dir", digits_folder)

    report = json.loads(done.stdout)
    assert report["passed"] is True
    assert report["tolerance"] == 1e-7
    assert [parameter["name"] for parameter in report["parameters"]] == ["W1", "b1", "W2", "b2"]
    assert report["parameters"][0]["shape"] == [784, 4]
    assert report["parameters"][0].keys() == {
        "name",
        "shape",
        "corners",
        "mean_abs_error",
        "max_rel_error",
    }


def test_the_command_fails_when_the_check_does_not_hold(command, digits_folder):
    done = command("gradcheck", "--hidden", 4, "--tolerance", 0, "--data-dir", digits_folder)

    assert done.returncode == 1
    assert "network: W1[" in done.stderr
    assert "FAILS" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("--activation", "sigmoid"), ("--seed", 1), ("--step", 0.01), ("--samples", 4)],
    ids=lambda arguments: arguments[0],
)
def test_every_option_has_its_effect(command, digits_folder, arguments):
    common = ("gradcheck", "--hidden", 3, "--json", "--data-dir", digits_folder)

    usual, other = (json.loads(command(*common, *more).stdout) for more in ((), arguments))

    assert [each["mean_abs_error"] for each in usual["parameters"]] != [
        each["mean_abs_error"] for each in other["parameters"]
    ]


BREAK_SIGMOID = (
    "from mnist_bp import layers; from mnist_bp.cli import app as cli; "
    "layers.Sigmoid.backward = lambda self, dout: dout * self.y; cli.main()"
)


def test_a_layer_that_the_net_does_not_use_is_checked_too(command, digits_folder):
    arguments = ["gradcheck", "--hidden", "2", "--data-dir", str(digits_folder)]
    run = [sys.executable, "-c", BREAK_SIGMOID, *arguments]

    table, report = command(shell=run), command(shell=[*run, "--json"])

    assert table.returncode == report.returncode == 1
    assert "Sigmoid: x[" in table.stderr
    assert json.loads(report.stdout)["passed"] is False


def test_kinks_are_named_in_the_table(command, tmp_path):
    # The inputs of all hidden units are exactly zero for a blank image and an untrained net.
    for stem in ("train", "t10k"):
        write_idx(tmp_path / f"{stem}-images-idx3-ubyte", np.zeros((3, 28, 28)))
        write_idx(tmp_path / f"{stem}-labels-idx1-ubyte", np.arange(3))

    done = command("gradcheck", "--data-dir", tmp_path)

    assert done.returncode == 0, done.stderr
    assert "on a kink of ReLU: b1[0], b1[1], b1[2], b1[3], b1[4], b1[5] and 44 more" in done.stdout


@pytest.mark.mnist
def test_the_default_net_on_real_digits_is_a_thousand_times_tighter_than_the_chapter(
    command, mnist
):
    done = command("gradcheck", "--json")

    report = json.loads(done.stdout)
    errors = {each["name"]: each["mean_abs_error"] for each in report["parameters"]}
    shapes = [each["shape"] for each in report["parameters"]]
    assert done.returncode == 0
    assert shapes == [[784, 50], [50], [50, 10], [10]]
    assert errors["W1"] <= 5e-13
    assert errors["b1"] <= 3e-12
    assert errors["W2"] <= 7e-12
    assert errors["b2"] <= 1.4e-10


BROKEN = {
    "Sigmoid": "layers.Sigmoid.backward = lambda self, dout: (dout @ dout.T @ dout)[:, :2]",
    "ReLU": "layers.ReLU.backward = lambda self, dout: None",
    "Affine": "layers.Affine.backward = lambda self, dout: dout @ self.W",
    "db": """
def backward(self, dout):
    self.dW = np.atleast_2d(self.x).T @ np.atleast_2d(dout)
    return dout @ self.W.T
layers.Affine.backward = backward""",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_layer_that_raises_or_returns_nothing_fails_in_its_row(command, digits_folder, name):
    arguments = ["gradcheck", "--hidden", "2", "--data-dir", str(digits_folder)]
    script = (
        "import numpy as np; from mnist_bp import layers; from mnist_bp.cli import app\n"
        f"{BROKEN[name]}\napp.main()"
    )
    run = [sys.executable, "-c", script, *arguments]

    table, report = command(shell=run), command(shell=[*run, "--json"])

    broken = "Affine" if name == "db" else name
    assert table.returncode == report.returncode == 1
    rows = [line for line in table.stdout.splitlines() if line.strip()]
    assert any(re.match(rf"\s*{broken}\b.*FAILS", row) for row in rows)
    for other in {"Add x", "Multiply y", "Exp x", "SoftmaxWithLoss logits"}:
        assert any(re.match(rf"\s*{other}\b.*holds", row) for row in rows), other
    assert re.search(rf"^{broken}: ", table.stderr, re.MULTILINE)
    assert "Traceback" not in table.stderr + report.stderr
    found = json.loads(report.stdout)
    assert found["passed"] is False
    assert any(line.startswith(f"{broken}: ") for line in found["failures"])
