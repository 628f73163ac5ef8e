"""The page about a sweep, in Chromium."""

import json
import os
import re
import subprocess
import sys

import pytest
from pages import passed_rules

VARYING = {
    "one": ["--lr", "0.02,0.1,0.5"],
    "two": ["--lr", "0.1,0.5", "--hidden", "10,20"],
    "three": ["--lr", "0.001,0.002", "--hidden", "10,20", "--optimizer", "sgd,adam"],
    "none": [],
}


@pytest.fixture(scope="module", params=VARYING)
def swept(request, tmp_path_factory, digits_folder, fonts):
    """A folder with `page.html` about a sweep, and `result.json`; how much varies in it."""
    folder = tmp_path_factory.mktemp("sweep")
    words = ["sweep", *VARYING[request.param], "--seed", "0-1", "--epochs", "2"]
    words += ["--validation", "100", "-o", "out", "--report", "page.html", "--json"]
    words += ["--title", "<i>Rates</i> & more"]
    done = subprocess.run(
        [sys.executable, "-m", "mnist_bp", *words, "--data-dir", str(digits_folder)],
        cwd=folder,
        env=os.environ | {"MPLCONFIGDIR": fonts},
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / "result.json").write_text(done.stdout)
    return folder, request.param


@pytest.fixture
def opened(browser):
    """Open pages from files, without a network; no page may log anything, or request anything."""
    complaints = []

    def open_page(path, width=1200, scheme="light"):
        viewport = {"width": width, "height": 740}
        context = browser.new_context(viewport=viewport, color_scheme=scheme, offline=True)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url[:100]))
        page.goto(path.as_uri())
        assert complaints.pop(0) == path.as_uri()
        return page

    yield open_page
    for context in browser.contexts:
        context.close()
    assert [each for each in complaints if not each.startswith("data:")] == []


def rows_of(page):
    rows = page.locator(".settings tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1200, "light")])
def test_the_page_is_for_everyone(swept, opened, width, scheme):
    folder, _ = swept
    page = opened(folder / "page.html", width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    passed_rules(page)


def test_the_title_is_that_of_the_user_as_text(swept, opened):
    page = opened(swept[0] / "page.html")

    assert page.locator("h1").inner_text() == page.title() == "<i>Rates</i> & more"


def test_a_title_without_a_page_is_wrong_usage(command):
    done = command("sweep", "--seed", "0-1", "-o", "out", "--title", "Rates")

    assert done.returncode == 2
    assert "--title is the title of a page: name its file with --report" in done.stderr


def test_the_table_holds_what_the_command_prints(swept, opened):
    folder, _ = swept
    page = opened(folder / "page.html")
    settings = json.loads((folder / "result.json").read_text())["settings"]
    rows = rows_of(page)
    assert len(rows) == len(settings)
    for row, each in zip(rows, settings, strict=True):
        values = [str(value) for value in each["setting"].values()]
        figures = [f"{each[name]:.4f}" for name in ("mean", "sd", "min", "max")]
        assert row[1 : 2 + len(values) + 4] == [*values, str(each["n"]), *figures]


def test_a_heading_sorts_the_table(swept, opened):
    folder, _ = swept
    page = opened(folder / "page.html")
    heading = page.get_by_role("button", name="mean")
    means = [row[-6] for row in rows_of(page)]
    heading.click()
    assert [row[-6] for row in rows_of(page)] == sorted(means)
    assert page.locator("[aria-sort=ascending]").inner_text().split()[0] == "mean"
    heading.click()
    assert [row[-6] for row in rows_of(page)] == sorted(means, reverse=True)
    page.get_by_role("button", name="#").click()
    assert [row[-6] for row in rows_of(page)] == means


def test_the_pictures_suit_what_varies(swept, opened):
    folder, varying = swept
    page = opened(folder / "page.html")
    titles = page.locator("figure h3").all_inner_texts()
    assert (
        titles
        == {
            "one": ["lr and held-out accuracy", "Learning curves"],
            "two": ["lr and hidden", "Every run, best setting first", "Learning curves"],
            "three": ["Every run, best setting first", "Learning curves"],
            "none": ["Every run, best setting first", "Learning curves"],
        }[varying]
    )
    assert page.locator("figure svg").count() == len(titles)


def test_the_recipe_is_there_in_full(swept, opened):
    folder, varying = swept
    page = opened(folder / "page.html")
    recipe = dict(
        zip(
            page.locator(".recipe dt").all_inner_texts(),
            page.locator(".recipe dd").all_inner_texts(),
            strict=True,
        )
    )
    assert len(recipe) > 20
    assert recipe["seed"] == "0, 1"
    assert recipe["epochs"] == "2"
    assert recipe["validation"] == "100"
    assert recipe["lr"] == {"one": "0.02, 0.1, 0.5", "none": "0.1"}.get(varying, recipe["lr"])


def test_names_and_reasons_are_text(command, digits_folder, opened, fonts, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", fonts)
    folder = command.folder / "<b>out"
    folder.mkdir()
    (folder / "seed-1.npz").write_bytes(b"damaged")
    done = command(
        *("sweep", "--seed", "0-1", "--epochs", 1, "-o", "<b>out", "--report", "p.html"),
        *("--data-dir", digits_folder, "--quiet"),
    )
    assert done.returncode == 1
    page = opened(command.folder / "p.html")
    assert page.locator("b").count() == 0
    assert "<b>out/seed-1.npz" in page.locator("main").inner_text()
    assert re.search(r"is not a weights file", page.locator("main").inner_text())


def test_a_report_that_cannot_be_written_is_found_before_anything_runs(command, digits_folder):
    done = command(
        *("sweep", "--epochs", 1, "-o", "out", "--report", "nowhere/p.html"),
        *("--data-dir", digits_folder),
    )
    assert done.returncode == 2
    assert "there is no folder nowhere" in done.stderr
    assert not (command.folder / "out").exists()
