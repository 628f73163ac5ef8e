"""Measure mnist-bp against what people would use instead, as whole processes, in turn.

Each contender does the chapter's work on the same files: a 784-50-10 net, batches of 100, learning
rate 0.1, 17 epochs over 60,000 digits, and after every epoch the accuracy on all 60,000 training
and 10,000 test digits. Each round runs them all once, so that a machine with other work to do slows
all of them alike; the figures are medians of the rounds, and of their ratios round by round, with
the smallest and the largest.

    python scripts/benchmark.py                    # all tables, 5 rounds after a warm-up
    python scripts/benchmark.py --json > run.json
    python scripts/benchmark.py --only pytorch --rounds 3 --tables contenders

The contenders are the programs in `contenders/`, the tables the files in `benchmarks/`. The
dependency group `benchmark` lists what the contenders need.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmarks import contenders, growth, loop, sizes, start_up
from rich.console import Console
from threadpoolctl import threadpool_info

from mnist_bp import load_mnist
from mnist_bp.data.idx import write_idx

TABLES = {"contenders": contenders, "sizes": sizes, "start-up": start_up, "growth": growth}


def unpack(folder):
    """Write the four files of MNIST, unpacked, to a folder: the same for every contender."""
    splits = load_mnist(normalize=False, flatten=False)
    for name, (images, labels) in zip(("train", "t10k"), splits, strict=True):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            with Path(folder, f"{name}-{kind}-ubyte").open("wb") as file:
                write_idx(file, array)


def machine():
    """Return what the figures come from."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
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


def show(results):
    """Print the tables."""
    out = Console(width=None if sys.stdout.isatty() else 120)
    out.print(
        "{cpu}, {cores} cores, Python {python}, NumPy {numpy}, {blas}".format(**results["machine"])
    )
    for name, table in TABLES.items():
        if name in results:
            table.show(out, results[name])


def main():
    """Run the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="after a warm-up [default: 5]")
    parser.add_argument(
        "--only", nargs="+", choices=contenders.PACKAGES, default=list(contenders.PACKAGES)
    )
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--loop", nargs=5, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        loop.time_loop(*options.loop)
        return

    results = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        unpack(folder)
        # The same unpacked files for all, this tool's commands included.
        os.environ["MNIST_BP_DATA_DIR"] = folder
        more = {"contenders": [options.only]}
        for name in options.tables:
            results[name] = TABLES[name].measure(folder, options.rounds, *more.get(name, []))
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    sys.exit(1 if results.get("contenders", {}).get("problems") else 0)


if __name__ == "__main__":
    main()
