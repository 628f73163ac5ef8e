"""Commands, run as processes of their own, with their time and their memory."""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MNIST_BP = [sys.executable, "-m", "mnist_bp"]
SCRIPTS = Path(__file__).resolve().parent.parent

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


def run(command, cwd=SCRIPTS):
    """Run a command as a process of its own, and return what it printed and took."""
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


def say(message):
    """Print where the benchmark is."""
    print(message, file=sys.stderr, flush=True)


def spread(values):
    """Return the median, the smallest and the largest of some figures."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def shown(figures, digits):
    """Return a median with the smallest and the largest figure, as text."""
    return "{median:.{0}f} ({min:.{0}f} to {max:.{0}f})".format(digits, **figures)
