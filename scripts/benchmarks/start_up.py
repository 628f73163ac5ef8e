"""How long commands take, and the imports that they cannot do without."""

import sys
import tempfile
from pathlib import Path

from rich.table import Table

from benchmarks.processes import MNIST_BP, run, say, shown, spread

TYPER, NUMPY = "import typer, rich.console", "import numpy"


def measure(folder, rounds):
    """Return the seconds of each, how many times those of Typer, and how many more than NumPy's."""
    with tempfile.TemporaryDirectory() as place:
        weights = Path(place, "weights.npz")
        run([*MNIST_BP, "train", "--epochs", "1", "--data-dir", folder, "--output", weights])
        commands = {
            TYPER: [sys.executable, "-c", TYPER],
            NUMPY: [sys.executable, "-c", NUMPY],
            "mnist-bp --help": [*MNIST_BP, "--help"],
            "mnist-bp --version": [*MNIST_BP, "--version"],
            "mnist-bp evaluate": [*MNIST_BP, "evaluate", weights, "--data-dir", folder],
            "mnist-bp gradcheck": [*MNIST_BP, "gradcheck", "--data-dir", folder],
        }
        times = {name: [] for name in commands}
        for number in range(2 * rounds + 1):
            say(f"start-up: round {number} of {2 * rounds}" + " (warm-up)" * (number == 0))
            for name, command in commands.items():
                process = run(command)
                if number:
                    times[name].append(process.seconds)
    typer, numpy = times[TYPER], times[NUMPY]
    return {
        name: {
            "seconds": spread(seconds),
            "over_typer": spread([a / b for a, b in zip(seconds, typer, strict=True)]),
            "beyond_numpy": spread([a - b for a, b in zip(seconds, numpy, strict=True)]),
        }
        for name, seconds in times.items()
    }


def show(out, found):
    """Print the table."""
    table = Table("start-up", "seconds", "times typer and rich", "seconds more than numpy")
    for name, each in found.items():
        figures = (each["seconds"], 3), (each["over_typer"], 2), (each["beyond_numpy"], 3)
        table.add_row(name, *(shown(*figure) for figure in figures))
    out.print(table)
