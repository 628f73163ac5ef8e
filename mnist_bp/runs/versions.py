"""What the bits of a result depend on, beside its recipe and its digits."""

import platform
from functools import cache
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from mnist_bp.version import __version__

CPU_INFO = Path("/proc/cpuinfo")


def software() -> str:
    """Return the versions of mnist-bp, NumPy and Python."""
    return f"mnist-bp {__version__}, numpy {np.__version__}, python {platform.python_version()}"


@cache
def versions() -> str:
    """Return all that a result depends on: versions, the processor, and the BLAS kernel."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = (names or [platform.processor() or platform.machine()])[0]
    kernels = [
        f"{blas['internal_api']} {blas['version']} {blas.get('architecture', '')}".rstrip()
        for blas in threadpool_info()
        if blas["user_api"] == "blas"
    ]
    return ", ".join([software(), processor, *kernels])
