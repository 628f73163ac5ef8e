"""One self-contained HTML page about a net: how good it is, where it fails, and a pad to try it.

Needs the extra `report`.
"""

from mnist_bp.report.page import page

__all__ = ["page"]
