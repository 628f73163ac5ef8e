"""Packages that only some commands need, and that are installed on request."""

from importlib.util import find_spec

from mnist_bp.errors import MissingExtraError

EXTRAS = {"report": ("matplotlib", "jinja2")}
"""The modules of each extra."""


def need(extra: str, *modules: str) -> None:
    """Find out, before the work and without importing anything, whether an extra is installed.

    Parameters
    ----------
    extra : str
    *modules : str
        Those of its modules that are needed; all, if none is named.

    Raises
    ------
    MissingExtraError
        It is not.
    """
    missing = [module for module in modules or EXTRAS[extra] if find_spec(module) is None]
    if missing:
        raise MissingExtraError(f"this needs {', '.join(missing)}", extra)
