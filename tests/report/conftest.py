"""A browser, and a page about a net that the command trained."""

import os
import shutil
import subprocess
import sys

import pytest
from pages import QUIET, drawn

pytest.importorskip("jinja2", reason="the extra report is not installed")


@pytest.fixture(scope="session")
def browser():
    """A Chromium that is installed already."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=program, args=QUIET)
        yield running
        running.close()


@pytest.fixture
def opened(browser):
    """Open pages from files, without a network; no page may log anything, or request anything."""
    complaints = []

    def open_page(path, width=1200, **options):
        context = browser.new_context(viewport={"width": width, "height": 740}, **options)
        context.set_offline(True)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url[:100]))
        page.goto(path.as_uri())
        assert complaints.pop(0) == path.as_uri()
        # Pictures are decoded in the background: the section shows a digit when that is done.
        shown = page.locator("#inside-digit:not(:text-is('no digit'))")
        shown.wait_for(state="attached")
        return page

    yield open_page
    for context in browser.contexts:
        context.close()
    assert [each for each in complaints if not each.startswith("data:")] == []


@pytest.fixture(scope="session")
def fonts(tmp_path_factory):
    """Where Matplotlib keeps its list of fonts, which takes it a second to make."""
    return str(tmp_path_factory.mktemp("fonts"))


@pytest.fixture(autouse=True)
def _one_list_of_fonts(monkeypatch, fonts):
    monkeypatch.setenv("MPLCONFIGDIR", fonts)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, fonts):
    """A folder in which the command trained `weights.npz` and wrote a `report.html` about it."""
    folder = tmp_path_factory.mktemp("report")

    def run(arguments):
        command = [sys.executable, "-m", "mnist_bp", *arguments.split()]
        environment = os.environ | {"MPLCONFIGDIR": fonts}
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True
        ).stdout

    run("train --dataset synthetic --epochs 3 --batch-size 20 --lr 0.2 --quiet")
    figures = run("evaluate weights.npz --report report.html --json")
    (folder / "figures.json").write_text(figures)
    return folder


@pytest.fixture
def page(opened, trained):
    """The page about the trained net, just opened."""
    return opened(trained / "report.html")


@pytest.fixture(scope="session")
def digits():
    return drawn(300)
