"""Makes the README's pictures from the program itself: python scripts/pictures.py.

Needs MNIST, the extra `report`, Playwright and Chromium.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent / "pictures"
FORMULA = "(apple * 2 + orange * 3) * tax"


def mnist_bp(*arguments: object) -> None:
    """Run the command."""
    subprocess.run([sys.executable, "-m", "mnist_bp", *map(str, arguments)], check=True)


def screenshot(page: Path, picture: Path) -> None:
    """Take a picture of the part of a report that shows the inside of the net."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": 1000, "height": 800})
        tab.goto(page.as_uri())
        tab.locator("section", has=tab.get_by_role("heading", name="Inside the net")).screenshot(
            path=picture
        )
        browser.close()


if __name__ == "__main__":
    mnist_bp(
        "explain", FORMULA, "apple=100", "orange=150", "tax=1.1", "--svg", FOLDER / "graph.svg"
    )
    with tempfile.TemporaryDirectory() as folder:
        weights, page = Path(folder, "weights.npz"), Path(folder, "page.html")
        mnist_bp("train", "--quiet", "--dataset", "mnist", "--output", weights)
        mnist_bp("evaluate", weights, "--report", page)
        screenshot(page, FOLDER / "report.png")
