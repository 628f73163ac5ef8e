"""What the bits of a result depend on, beside its recipe and its digits."""

import platform
import re
from functools import cache
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from mnist_bp.version import __version__

SOFTWARE = f"mnist-bp {__version__}, numpy {np.__version__}, python {platform.python_version()}"


@cache
def versions() -> str:
    """Return the versions, the processor, and the BLAS kernel that NumPy has chosen for it."""
    cpus = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpus.read_text()) if cpus.is_file() else None
    processor = model[1] if model else platform.processor() or platform.machine()
    kernels = [
        f"{each['internal_api']} {each['version']} {each.get('architecture', '')}".strip()
        for each in threadpool_info()
        if each["user_api"] == "blas"
    ]
    return ", ".join([SOFTWARE, processor, *kernels])
