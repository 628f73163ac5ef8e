"""How the cost grows: with the hidden units, the digits, and the runs of a sweep."""

import tempfile
from pathlib import Path

import numpy as np
from rich.table import Table

from benchmarks.loop import TRAIN, run_loop
from benchmarks.processes import MNIST_BP, run, say

HIDDEN = (50, 200, 800, 3200)
DIGITS = (6_000, 15_000, 30_000, 60_000)
RUNS, WORKERS = 4, (1, 2, 4)


def measure(folder, rounds):
    """Return the cost of an epoch as one size grows, and the seconds of a sweep."""
    series = {
        "hidden, batch 100": [(hidden, 100, TRAIN) for hidden in HIDDEN],
        "hidden, batch 500": [(hidden, 500, TRAIN) for hidden in HIDDEN],
        "digits, 784-50-10": [(50, 100, digits) for digits in DIGITS],
        "digits, 784-800-10": [(800, 100, digits) for digits in DIGITS],
    }
    return {
        "series": {name: _grow(name, sizes, rounds) for name, sizes in series.items()},
        "sweep": {workers: _sweep(folder, workers) for workers in WORKERS},
    }


def _grow(name, sizes, rounds):
    points = []
    for hidden, batch_size, digits in sizes:
        say(f"growth of {name}: 784-{hidden}-10, batch {batch_size}, {digits:,} digits")
        done = [run_loop(hidden, batch_size, 1, 2, digits) for _ in range(rounds)]
        points.append(
            {
                "size": digits if name.startswith("digits") else hidden,
                "seconds": min(each["epoch"] for each in done),
                "megabytes": max(each["megabytes"] for each in done),
            }
        )
    return {"points": points, "slope": slope(points)}


def slope(points):
    """Return the power of its size with which the time of an epoch grows: 1 is in proportion."""
    logs = np.log([(point["size"], point["seconds"]) for point in points])
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


def _sweep(folder, workers):
    """Return the seconds of a sweep of some runs of the chapter's net."""
    say(f"sweep of {RUNS} runs, {workers} at once")
    with tempfile.TemporaryDirectory() as place:
        command = [*MNIST_BP, "sweep", "--seed", f"0-{RUNS - 1}", "--epochs", "5"]
        command += ["--workers", workers, "--data-dir", folder, "--output", Path(place, "runs")]
        return run(command, cwd=place).seconds


def show(out, found):
    """Print the tables."""
    table = Table("growth of", "size", "seconds an epoch", "peak MB", "power")
    for name, series in found["series"].items():
        for number, point in enumerate(series["points"]):
            table.add_row(
                "" if number else name,
                f"{point['size']:,}",
                f"{point['seconds']:.3f}",
                f"{point['megabytes']:.0f}",
                "" if number else f"{series['slope']:.2f}",
            )
        table.add_section()
    out.print(table)
    table = Table(f"sweep of {RUNS} runs: at once", "seconds")
    for workers, seconds in found["sweep"].items():
        table.add_row(str(workers), f"{seconds:.1f}")
    out.print(table)
