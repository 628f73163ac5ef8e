"""The reader's own layers, from a file or a notebook, checked against difference quotients.

`check_files` checks files, each in a process of its own; `FileCheck` and `ClassCheck` are results.
"""

from mnist_bp.audit.checks import ClassCheck
from mnist_bp.audit.process import FileCheck, check_files

__all__ = ["ClassCheck", "FileCheck", "check_files"]
