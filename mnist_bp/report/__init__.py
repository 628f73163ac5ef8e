"""One self-contained HTML page about a net, or about several that are compared.

Needs the extra `report`.
"""

from mnist_bp.report.nets import Net
from mnist_bp.report.page import page

__all__ = ["Net", "page"]
