"""Packages that only some commands need, and that are installed on request."""

from importlib.util import find_spec

from mnist_bp.errors import UsageError

EXTRAS = {"report": ("matplotlib", "PIL", "jinja2")}
"""The modules of each extra."""


def need(extra: str) -> None:
    """Find out, before the work and without importing anything, whether an extra is installed.

    Raises
    ------
    UsageError
        It is not.
    """
    missing = [module for module in EXTRAS[extra] if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"this needs {', '.join(missing)}, which the extra {extra!r} brings: "
            f'pip install "mnist-bp[{extra}]"'
        )
