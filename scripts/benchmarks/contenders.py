"""The chapter's work, by this tool and by others, as whole processes."""

import importlib.util
import json
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.table import Table

from benchmarks.loop import arithmetic, peak, rate
from benchmarks.processes import MNIST_BP, SCRIPTS, Process, run, say, shown, spread
from mnist_bp import load_mnist

EPOCHS = 17
PACKAGES = {
    "chapter": ("numpy",),
    "pytorch": ("torch",),
    "jax_scan": ("jax",),
    "scikit_learn": ("sklearn",),
    "keras_jax": ("keras", "jax"),
}
"""The programs in `contenders/`, and the packages that each needs."""

ENOUGH = 0.965
"""Test accuracy that this work gives, in any framework."""

OURS, SPEEDRUN = "mnist-bp", "mnist-bp, speedrun"


@dataclass(frozen=True)
class Work:
    """A process that has done the work, its test accuracy, and what is wrong with it, if any."""

    process: Process
    accuracy: float | None = None
    problem: str | None = None


def check_rows(name, rows, epochs=EPOCHS):
    """Return what is wrong with the rows (train and test accuracy) that a contender printed."""
    if len(rows) != epochs:
        return f"{name} printed {len(rows)} rows, expected {epochs}"
    if rows[-1][1] < ENOUGH:
        return f"{name} reached {rows[-1][1]:.4f} on the test digits, expected {ENOUGH}"
    return None


def run_contender(name, folder):
    """Run one of the programs in `contenders/`."""
    process = run([sys.executable, SCRIPTS / "contenders" / f"{name}.py", folder, EPOCHS])
    rows = [tuple(map(float, line.split()[1:])) for line in process.output.splitlines()]
    return Work(process, rows[-1][1] if rows else None, check_rows(name, rows))


def run_mnist_bp(name, recipe, epochs, folder):
    """Run this tool by its command."""
    with tempfile.TemporaryDirectory() as place:
        output, log = Path(place, "weights.npz"), Path(place, "log.jsonl")
        command = [*MNIST_BP, "train", *recipe, "--data-dir", folder]
        process = run([*command, "--output", output, "--log", log], cwd=place)
        rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()][1:]
        reached = [(row["train_accuracy"], row["test_accuracy"]) for row in rows]
        problem = check_rows(name, reached, epochs) or check_weights(output, reached[-1])
    return Work(process, reached[-1][1], problem)


def check_weights(path, accuracies):
    """Return what is wrong with saved weights, compared with the accuracies that were printed."""
    with np.load(path) as weights:
        W1, b1, W2, b2 = (weights[name] for name in ("W1", "b1", "W2", "b2"))
    for (x, t), printed in zip(load_mnist(), accuracies, strict=True):
        y = np.maximum(x @ W1 + b1, 0) @ W2 + b2
        # Another order of the same sums may tip an image that lies between two digits.
        if abs((y.argmax(axis=1) == t).mean() - printed) > 1e-4:
            return f"mnist-bp printed {printed}, its weights say otherwise"
    return None


def measure(folder, rounds, only):
    """Run all in turn, `rounds` times after a warm-up; return the figures of each."""
    lacking = {
        name: [each for each in PACKAGES[name] if importlib.util.find_spec(each) is None]
        for name in only
    }
    work = {
        OURS: partial(run_mnist_bp, OURS, ["--epochs", EPOCHS], EPOCHS),
        SPEEDRUN: partial(run_mnist_bp, SPEEDRUN, ["--config", "speedrun"], 3),
    }
    work |= {name: partial(run_contender, name) for name in only if not lacking[name]}
    if "pytorch" in work:
        work["import torch"] = lambda _: Work(run([sys.executable, "-c", "import torch"]))
    runs = {name: [] for name in work}
    peaks = []
    for number in range(rounds + 1):
        for name, do in work.items():
            say(f"round {number} of {rounds}: {name}" + " (warm-up)" * (number == 0))
            done = do(folder)
            if number:
                runs[name].append(done)
        peaks.append(peak(os.cpu_count()))
    shares = [rate(50, 100, 1, EPOCHS)[1] for _ in range(rounds)]
    return {
        "contenders": {name: _figures(done, runs) for name, done in runs.items()},
        "peak_flops": max(peaks),
        "arithmetic_seconds": arithmetic(50, EPOCHS) / max(peaks),
        "loop_over_arithmetic": 1 / statistics.median(shares),
        "problems": sorted({each.problem for done in runs.values() for each in done} - {None}),
        "left_out": [
            f"{name} ({', '.join(packages)} not installed)"
            for name, packages in lacking.items()
            if packages
        ],
    }


def _figures(done, runs):
    def ratios(others):
        pairs = zip(done, others, strict=True)
        return spread([a.process.seconds / b.process.seconds for a, b in pairs])

    return {
        "seconds": spread([each.process.seconds for each in done]),
        "ratio": ratios(runs[OURS]),
        "ratio_to_speedrun": ratios(runs[SPEEDRUN]),
        "test_accuracy": done[-1].accuracy,
        "megabytes": max(each.process.megabytes for each in done),
    }


def show(out, found):
    """Print the table."""
    table = Table("", "seconds", "times mnist-bp", "times speedrun", "test accuracy", "peak MB")
    for name, each in found["contenders"].items():
        table.add_row(
            name,
            shown(each["seconds"], 2),
            shown(each["ratio"], 2),
            shown(each["ratio_to_speedrun"], 1),
            "" if each["test_accuracy"] is None else f"{each['test_accuracy']:.4f}",
            f"{each['megabytes']:.0f}",
        )
    out.print(table)
    out.print(
        f"medians of the rounds, and the smallest and largest. Matrix products: "
        f"{found['peak_flops'] / 1e9:.0f} Gflop/s at the peak, {found['arithmetic_seconds']:.2f} s "
        f"for these; the loop takes {found['loop_over_arithmetic']:.2f} times that"
    )
    for line in (*(f"left out: {name}" for name in found["left_out"]), *found["problems"]):
        out.print(line, style="bold red")
