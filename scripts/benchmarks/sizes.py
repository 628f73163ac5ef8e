"""The arithmetic rate of training and evaluating, for several sizes of net."""

import os
import statistics

from rich.table import Table

from benchmarks.loop import rate
from benchmarks.processes import say

EPOCHS = {50: 5, 200: 3, 800: 2, 3200: 1}
"""The hidden units that are measured, and in how many epochs."""


def measure(_folder, rounds):
    """Return, for each size, the medians of the rounds."""
    results = []
    for hidden, epochs in EPOCHS.items():
        for batch_size in (100, 500):
            for threads in sorted({1, os.cpu_count()}):
                say(f"784-{hidden}-10, batch {batch_size}, threads {threads}")
                done = [rate(hidden, batch_size, threads, epochs) for _ in range(rounds)]
                flops, shares, megabytes = zip(*done, strict=True)
                sizes = {"hidden": hidden, "batch_size": batch_size, "threads": threads}
                figures = {
                    "flops": statistics.median(flops),
                    "share_of_peak": statistics.median(shares),
                    "megabytes": max(megabytes),
                }
                results.append(sizes | figures)
    return results


def show(out, found):
    """Print the table."""
    table = Table("hidden", "batch", "threads", "Gflop/s", "share of the peak", "peak MB")
    for each in found:
        table.add_row(
            *(str(each[key]) for key in ("hidden", "batch_size", "threads")),
            f"{each['flops'] / 1e9:.0f}",
            f"{each['share_of_peak']:.0%}",
            f"{each['megabytes']:.0f}",
        )
    out.print(table)
