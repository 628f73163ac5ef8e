"""What tests with thousands of random inputs share: damage to files, and the memory they take."""

import re
from pathlib import Path

from hypothesis import strategies as st


def mutations():
    """Ways to change bytes: overwrite, insert, cut, repeat, and large numbers in the header."""
    places = st.integers(0, 60) | st.integers(0, 2500)
    some = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 4, bytes(4), b"\x80\0"])
    overwrite = st.builds(lambda i, new: lambda b: b[:i] + new + b[i + len(new) :], places, some)
    insert = st.builds(lambda i, new: lambda b: b[:i] + new + b[i:], places, some)
    cut = st.builds(lambda i, j: lambda b: b[: min(i, j)] + b[max(i, j) :], places, places)
    end = st.builds(lambda i: lambda b: b[:i], places)
    repeat = st.builds(lambda times: lambda b: b * times, st.integers(2, 4))
    return overwrite | insert | cut | end | repeat


def forget_peak():
    """Begin to measure the memory of this process; returns what it has, if the system says so."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return peak()


def peak():
    """Return the most memory that this process has had since then, in megabytes."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
