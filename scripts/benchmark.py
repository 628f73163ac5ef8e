"""Measure mnist-bp against what people would use instead, as whole processes, in turn.

Every contender does the chapter's work on the same files: a 784-50-10 net, batches of 100, learning
rate 0.1, 17 epochs over 60,000 digits, and after every epoch the accuracy on all 60,000 training
and 10,000 test digits. Each round runs them all once, so that a machine with other work to do slows
all of them alike; what is told is the median of the ratios, round by round.

    python scripts/benchmark.py                    # all three tables, 5 rounds after a warm-up
    python scripts/benchmark.py --json > run.json
    python scripts/benchmark.py --only pytorch --rounds 3 --tables contenders

The contenders are the programs in `contenders/`; the extra `benchmark` installs what they need.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_info, threadpool_limits

from mnist_bp.data.idx import write_idx
from mnist_bp.data.pinned import MNIST_FILES
from mnist_bp.data.sources import read_digits
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.run import Run, train

HERE = Path(__file__).resolve().parent
EPOCHS = 17
TRAIN, TEST = 60_000, 10_000
MNIST_BP = [sys.executable, "-m", "mnist_bp"]
CONTENDERS = {
    "chapter": ("numpy",),
    "pytorch": ("torch",),
    "jax_scan": ("jax",),
    "scikit_learn": ("sklearn",),
    "keras_jax": ("keras", "jax"),
}
"""The programs in `contenders/`, and the packages without which they are left out."""

ENOUGH = 0.965
"""Test accuracy that this work gives, whoever does it."""


LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps([time.perf_counter() - started, usage.ru_maxrss, status]))
"""
"""Runs a command. On Linux a process counts the peak memory of the one that started it as its own,
so that is always this small one."""


@dataclass(frozen=True)
class Process:
    """A process that has ended: its output, its wall time in seconds, its peak memory in MB."""

    output: str
    seconds: float
    megabytes: float


def run(command, cwd=HERE):
    """Run a command as a process of its own, and return what it came to."""
    launched = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCHER, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=cwd,
    )
    *output, figures = launched.stdout.splitlines()
    seconds, peak, status = json.loads(figures)
    if status:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{launched.stderr}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Process("\n".join(output), seconds, peak * unit / 1e6)


def unpack(folder):
    """Write the four files of MNIST, unpacked, to a folder: the same for every contender."""
    train_digits, test_digits = read_digits(["train", "test"], "mnist")
    arrays = (train_digits.images, train_digits.labels, test_digits.images, test_digits.labels)
    for pinned, array in zip(MNIST_FILES, arrays, strict=True):
        with (folder / pinned.unpacked_name).open("wb") as file:
            write_idx(file, array)


def peak(cores):
    """Return the rate of a large float32 matrix product on some cores, in flop/s."""
    a = np.random.default_rng(0).standard_normal((2048, 2048), np.float32)
    with threadpool_limits(cores, user_api="blas"):
        times = []
        for _ in range(5):
            started = time.perf_counter()
            a @ a
            times.append(time.perf_counter() - started)
    return 2 * 2048**3 / min(times)


def arithmetic(hidden, epochs):
    """Return how many flops the matrix products of a run take, its evaluations included.

    Training takes five products for each layer's forward and backward pass but the gradient of the
    images, evaluating two; row 0 of the table is an evaluation too.
    """
    first, second = 2 * 784 * hidden, 2 * hidden * 10
    learning = TRAIN * (2 * first + 3 * second)
    looking = (TRAIN + TEST) * (first + second)
    return epochs * learning + (epochs + 1) * looking


def check_rows(name, rows):
    """Return what is wrong with the rows (train and test accuracy) that a contender printed."""
    if len(rows) != EPOCHS:
        return f"{name} printed {len(rows)} rows, expected {EPOCHS}"
    if rows[-1][1] < ENOUGH:
        return f"{name} reached {rows[-1][1]:.4f} of the test digits, expected {ENOUGH}"
    return None


def run_contender(name, folder):
    """Run one of the others; return its process, and what is wrong with its work, if anything."""
    process = run([sys.executable, HERE / "contenders" / f"{name}.py", folder, str(EPOCHS)])
    rows = [tuple(map(float, line.split()[1:])) for line in process.output.splitlines()]
    return process, check_rows(name, rows)


def run_mnist_bp(folder):
    """Run this tool by its command; return the same."""
    with tempfile.TemporaryDirectory() as place:
        output, log = Path(place, "weights.npz"), Path(place, "log.jsonl")
        command = [*MNIST_BP, "train", "--epochs", str(EPOCHS), "--data-dir", folder]
        process = run([*command, "--output", output, "--log", log], cwd=place)
        rows = [json.loads(line) for line in log.read_text().splitlines()][1:]
        accuracies = [(row["train_accuracy"], row["test_accuracy"]) for row in rows]
        return process, check_rows("mnist-bp", accuracies) or check_weights(output, accuracies[-1])


def check_weights(path, accuracies):
    """Return what is wrong with saved weights, held against the accuracies that were printed."""
    with np.load(path) as weights:
        W1, b1, W2, b2 = (weights[name] for name in ("W1", "b1", "W2", "b2"))
    for digits, printed in zip(read_digits(["train", "test"]), accuracies, strict=True):
        x = digits.images.reshape(-1, 784) / np.float32(255)
        y = np.maximum(x @ W1 + b1, 0) @ W2 + b2
        # Another order of the same sums may tip an image that lies between two digits.
        if abs((y.argmax(axis=1) == digits.labels).mean() - printed) > 1e-4:
            return f"mnist-bp printed {printed}, its weights say otherwise"
    return None


def run_speedrun(folder):
    """Run the recipe that is made for speed; return its process, and what is wrong, if anything."""
    with tempfile.TemporaryDirectory() as place:
        log = Path(place, "log.jsonl")
        command = [*MNIST_BP, "train", "--config", "speedrun", "--data-dir", folder]
        process = run([*command, "--output", Path(place, "weights.npz"), "--log", log], cwd=place)
        reached = json.loads(log.read_text().splitlines()[-1])["test_accuracy"]
    return process, None if reached >= ENOUGH else f"speedrun reached {reached} only"


def run_import(package):
    """Import a package, and do nothing with it."""
    return run([sys.executable, "-c", f"import {package}"]), None


def compare_contenders(names, folder, rounds):
    """Run all in turn, `rounds` times after a warm-up; return the figures of each."""
    work = {"mnist-bp": run_mnist_bp, "mnist-bp, speedrun": run_speedrun}
    work |= {name: partial(run_contender, name) for name in names}
    if "pytorch" in names:
        work["import torch"] = lambda _: run_import("torch")
    runs = {name: [] for name in work}
    peaks, problems = [], set()
    for number in range(rounds + 1):
        for name, do in work.items():
            say(f"round {number} of {rounds}: {name}" + " (warm-up)" * (number == 0))
            process, problem = do(folder)
            problems |= {problem} - {None}
            if number:
                runs[name].append(process)
        peaks.append(peak(os.cpu_count()))
    return {
        "contenders": {
            name: {
                "seconds": statistics.median(each.seconds for each in done),
                "megabytes": max(each.megabytes for each in done),
                "ratio": ratio(done, runs["mnist-bp"]),
                "ratio_to_speedrun": ratio(done, runs["mnist-bp, speedrun"]),
            }
            for name, done in runs.items()
        },
        "peak_flops": max(peaks),
        "arithmetic_seconds": arithmetic(50, EPOCHS) / max(peaks),
        "problems": sorted(problems),
    }


def ratio(theirs, ours):
    """Return how many times longer they take than we do, the median of the rounds."""
    return statistics.median(a.seconds / b.seconds for a, b in zip(theirs, ours, strict=True))


def time_loop(hidden, batch_size, threads, epochs):
    """Print, as JSON, how long training and evaluating take in this process, start-up apart."""
    recipe = Recipe(hidden=hidden, batch_size=batch_size, threads=threads, epochs=epochs)
    digits = read_digits(["train", "test"])
    started = time.perf_counter()
    rows = list(train(Run(recipe), *digits))
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": len(rows)}))


def measure_sizes(rounds):
    """Return the arithmetic rate that training and evaluating reach, for several sizes of net."""
    results = []
    for hidden, epochs in ((50, 5), (200, 3), (800, 2), (3200, 1)):
        for batch_size in (100, 500):
            for threads in sorted({1, os.cpu_count()}):
                say(f"784-{hidden}-10, batch {batch_size}, threads {threads}")
                command = [sys.executable, __file__, "--loop"]
                command += map(str, (hidden, batch_size, threads, epochs))
                rates, shares, megabytes = [], [], 0.0
                for _ in range(rounds):
                    before = peak(os.cpu_count())
                    process = run(command)
                    seconds = json.loads(process.output)["seconds"]
                    rates.append(arithmetic(hidden, epochs) / seconds)
                    shares.append(rates[-1] / max(before, peak(os.cpu_count())))
                    megabytes = max(megabytes, process.megabytes)
                results.append(
                    {
                        "hidden": hidden,
                        "batch_size": batch_size,
                        "threads": threads,
                        "flops": statistics.median(rates),
                        "share_of_peak": statistics.median(shares),
                        "megabytes": megabytes,
                    }
                )
    return results


def measure_start_up(folder, rounds):
    """Return what commands take, and what the imports take that they cannot do without."""
    with tempfile.TemporaryDirectory() as place:
        weights = Path(place, "weights.npz")
        run([*MNIST_BP, "train", "--epochs", "1", "--data-dir", folder, "--output", weights])
        commands = {
            "import typer, rich.console": [sys.executable, "-c", "import typer, rich.console"],
            "import numpy": [sys.executable, "-c", "import numpy"],
            "mnist-bp --help": [*MNIST_BP, "--help"],
            "mnist-bp --version": [*MNIST_BP, "--version"],
            "mnist-bp evaluate": [*MNIST_BP, "evaluate", weights, "--data-dir", folder],
            "mnist-bp gradcheck": [*MNIST_BP, "gradcheck", "--data-dir", folder],
        }
        times = {name: [] for name in commands}
        for number in range(2 * rounds + 1):
            for name, command in commands.items():
                process = run(command)
                if number:
                    times[name].append(process.seconds)
    typer, numpy = times["import typer, rich.console"], times["import numpy"]
    return {
        name: {
            "seconds": statistics.median(seconds),
            "over_typer": statistics.median(a / b for a, b in zip(seconds, typer, strict=True)),
            "beyond_numpy": statistics.median(a - b for a, b in zip(seconds, numpy, strict=True)),
        }
        for name, seconds in times.items()
    }


def loop_over_arithmetic(rounds):
    """Return how many times longer the loop takes than its matrix products at the peak would."""
    ratios = []
    for _ in range(rounds):
        before = peak(os.cpu_count())
        process = run([sys.executable, __file__, "--loop", "50", "100", "1", str(EPOCHS)])
        seconds = json.loads(process.output)["seconds"]
        best = max(before, peak(os.cpu_count()))
        ratios.append(seconds * best / arithmetic(50, EPOCHS))
    return statistics.median(ratios)


def machine():
    """Return what the figures come from."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(": ")[1] for line in lines if line.startswith("model name")), cpu)
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        # Which kernels it picked for this processor, or was told to.
        "blas": ", ".join(
            f"{each['internal_api']} for {each.get('architecture', 'any processor')}"
            for each in threadpool_info()
            if each["user_api"] == "blas"
        ),
    }


def say(message):
    """Print where the benchmark is."""
    print(message, file=sys.stderr, flush=True)


def show(results):
    """Print the tables."""
    out = Console()
    here = results["machine"]
    out.print(
        f"{here['cpu']}, {here['cores']} cores, Python {here['python']}, NumPy {here['numpy']}, "
        f"{here['blas']}"
    )
    if found := results.get("contenders"):
        table = Table("", "seconds", "times mnist-bp", "times speedrun", "peak MB")
        for name, each in found["contenders"].items():
            ratios = f"{each['ratio']:.2f}", f"{each['ratio_to_speedrun']:.2f}"
            table.add_row(name, f"{each['seconds']:.2f}", *ratios, f"{each['megabytes']:.0f}")
        out.print(table)
        out.print(
            f"matrix products: {found['peak_flops'] / 1e9:.0f} Gflop/s at the peak, "
            f"{found['arithmetic_seconds']:.2f} s for these; the loop takes "
            f"{found['loop_over_arithmetic']:.2f} times that"
        )
        for line in (*(f"left out: {name}" for name in found["left_out"]), *found["problems"]):
            out.print(line, style="bold red")
    if found := results.get("sizes"):
        table = Table("hidden", "batch", "threads", "Gflop/s", "share of the peak", "peak MB")
        for each in found:
            table.add_row(
                *(str(each[key]) for key in ("hidden", "batch_size", "threads")),
                f"{each['flops'] / 1e9:.0f}",
                f"{each['share_of_peak']:.0%}",
                f"{each['megabytes']:.0f}",
            )
        out.print(table)
    if found := results.get("start-up"):
        table = Table("start-up", "seconds", "over typer and rich", "beyond numpy")
        for name, each in found.items():
            cells = f"{each['seconds']:.3f}", f"{each['over_typer']:.2f} x"
            table.add_row(name, *cells, f"{each['beyond_numpy']:+.3f} s")
        out.print(table)


def main():
    """Run the tables that are asked for."""
    tables = ("contenders", "sizes", "start-up")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="after a warm-up [default: 5]")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--loop", nargs=4, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        time_loop(*options.loop)
        return

    results = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        unpack(Path(folder))
        # The same unpacked files for everybody, this tool's commands included.
        os.environ["MNIST_BP_DATA_DIR"] = folder
        if "contenders" in options.tables:
            missing = {
                name: [each for each in CONTENDERS[name] if importlib.util.find_spec(each) is None]
                for name in options.only
            }
            names = [name for name in options.only if not missing[name]]
            results["contenders"] = compare_contenders(names, folder, options.rounds)
            results["contenders"]["loop_over_arithmetic"] = loop_over_arithmetic(options.rounds)
            results["contenders"]["left_out"] = [
                f"{name} ({', '.join(lacking)} not installed)"
                for name, lacking in missing.items()
                if lacking
            ]
        if "sizes" in options.tables:
            results["sizes"] = measure_sizes(options.rounds)
        if "start-up" in options.tables:
            results["start-up"] = measure_start_up(folder, options.rounds)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    sys.exit(1 if results.get("contenders", {}).get("problems") else 0)


if __name__ == "__main__":
    main()
