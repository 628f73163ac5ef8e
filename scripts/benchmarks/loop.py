"""The training loop in a process of its own, without start-up, and the arithmetic that it does."""

import json
import os
import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

import mnist_bp
from benchmarks.processes import SCRIPTS, run

TRAIN, TEST = 60_000, 10_000


def time_loop(hidden, batch_size, threads, epochs, digits):
    """Print, as JSON, how long training and evaluating take in this process.

    `seconds` is the whole loop, `epoch` the training alone of the quickest epoch. All but the first
    `digits` training digits are held out.
    """
    sizes = {"hidden": hidden, "batch_size": batch_size, "threads": threads, "epochs": epochs}
    recipe = mnist_bp.Recipe(**sizes, validation=TRAIN - digits)
    both = mnist_bp.load_digits("train"), mnist_bp.load_digits("test")
    started = time.perf_counter()
    history = mnist_bp.train(recipe, *both).history
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "epoch": min(row.seconds for row in history[1:])}))


def run_loop(hidden, batch_size, threads, epochs, digits=TRAIN):
    """Run `time_loop` in a new process; return its figures, and its peak memory in MB."""
    arguments = (hidden, batch_size, threads, epochs, digits)
    process = run([sys.executable, SCRIPTS / "benchmark.py", "--loop", *arguments])
    return json.loads(process.output) | {"megabytes": process.megabytes}


def rate(hidden, batch_size, threads, epochs):
    """Run the loop; return its arithmetic rate in flop/s, the share of the peak, and its memory."""
    before = peak(os.cpu_count())
    figures = run_loop(hidden, batch_size, threads, epochs)
    flops = arithmetic(hidden, epochs) / figures["seconds"]
    return flops, flops / max(before, peak(os.cpu_count())), figures["megabytes"]


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
    """Return how many flops the matrix products of a run take, with its evaluations.

    Training takes three products for each layer, without the gradient of the images; evaluating
    takes one. Row 0 of the table is an evaluation, too.
    """
    first, second = 2 * 784 * hidden, 2 * hidden * 10
    training = TRAIN * (2 * first + 3 * second)
    evaluating = (TRAIN + TEST) * (first + second)
    return epochs * training + (epochs + 1) * evaluating
