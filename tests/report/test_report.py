"""The page that `evaluate --report` writes, in a real browser: what it shows, and what it does."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_bp import TwoLayerNet
from mnist_bp.data.digits import SYNTHETIC, Digits
from mnist_bp.data.mnist import read_digits
from mnist_bp.data.strokes import STROKES
from mnist_bp.data.synthetic import draw
from mnist_bp.evaluation import Evaluation, evaluate
from mnist_bp.functions import scale_pixels, softmax
from mnist_bp.pictures import picture
from mnist_bp.runs import checkpoint as weights_files
from mnist_bp.runs.checkpoint import Checkpoint
from mnist_bp.runs.recipe import Recipe

report = pytest.importorskip("mnist_bp.report", reason="the extra report is not installed")

ROOT = Path(__file__).parent.parent
AXE = ROOT / "build" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


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
    """Open pages from files, without a network; none may complain, or ask for anything."""
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


def drawn(count):
    images, labels = draw(count, np.random.default_rng(0))
    return Digits(images, labels, SYNTHETIC, ("", ""))


def write_page(path, weights, digits, title="a net"):
    net = TwoLayerNet.from_params(weights.params, weights.activation)
    html = report.page(evaluate(net, digits), digits, weights, title=title)
    path.write_text(html, encoding="utf-8")
    return path


def untrained(hidden=6, activation=None, dtype=np.float32, std=0.1):
    """A net with nothing but its four arrays, unless it needs a recipe for its activation."""
    net = TwoLayerNet(784, hidden, 10, std, dtype=dtype, activation=activation or "relu", rng=0)
    recipe = Recipe(activation=activation, hidden=hidden) if activation else None
    return Checkpoint(net.params, recipe)


def text_of(page, selector):
    return page.locator(selector).inner_text().replace("\N{NO-BREAK SPACE}", " ")


# ---- What it shows -------------------------------------------------------------------------------


def test_the_headline_says_how_good_the_net_is_and_how_it_came_to_be(page, trained):
    figures = json.loads((trained / "figures.json").read_text())

    header = text_of(page, "header")

    assert f"{100 * figures['accuracy']:.2f} %" in header
    assert f"{figures['errors']} errors in 5,000 digits" in header
    for fact in ("784-50-10, relu", "synthetic", "batch_size 20", "seed\n0", "mnist-bp 0."):
        assert re.search(re.escape(fact).replace("\\\n", r"\s+"), header)


def test_the_page_for_the_usual_net_is_small(trained):
    assert (trained / "report.html").stat().st_size < 1_500_000


def test_the_learning_curves_are_those_of_the_history(page, trained):
    history = weights_files.load_checkpoint(trained / "weights.npz").history

    assert page.locator("#learning-title ~ .curves svg").count() == 2
    assert f"{history[-1].loss:.4f} after epoch 3" in text_of(page, ".curves")
    assert f"Test {history[-1].test_accuracy:.4f}" in text_of(page, ".curves")
    assert page.locator(".curves svg text", has_text="epoch").count() == 2


def test_without_a_history_the_page_says_so(opened, digits, tmp_path):
    page = opened(write_page(tmp_path / "p.html", untrained(), digits))

    assert "has no history" in text_of(page, "main")
    assert "the four arrays alone" in text_of(page, "header")
    assert page.locator("svg").count() == 0


def test_every_cell_off_the_diagonal_shows_its_digits_and_says_how_many_it_leaves_out(
    page, trained
):
    confusion = np.array(json.loads((trained / "figures.json").read_text())["confusion"])
    np.fill_diagonal(confusion, 0)

    cells = page.locator("[data-cell]").evaluate_all(
        """all => all.map((cell) => {
            cell.click();
            const shown = [...document.querySelectorAll("#cell-digits img")];
            const says = document.getElementById("cell-says").textContent;
            return [cell.dataset.cell, cell.textContent, says, shown.map(each => each.alt)];
        })"""
    )

    assert len(cells) == np.count_nonzero(confusion)
    for name, count, says, shown in cells:
        label, taken = map(int, name.split("-"))
        left_out = re.search(r"(\d+) are left out", says)
        assert says.startswith(f"{label}, taken for {taken}: {count} digit")
        assert all(alt.endswith(f": {label}, taken for {taken}") for alt in shown)
        assert len(shown) + (int(left_out[1]) if left_out else 0) == int(count)
        assert int(count) == confusion[label, taken]
    assert any("left out" in says for _, _, says, _ in cells)


def test_the_worst_mistakes_are_those_the_net_was_surest_of(opened, digits, tmp_path):
    logits = np.zeros((300, 10))
    logits[np.arange(300), digits.labels] = 9
    for index, sure in ((7, 5), (3, 8), (5, 6)):
        logits[index] = 0
        logits[index, (digits.labels[index] + 1) % 10] = sure
    html = report.page(Evaluation(logits, digits.labels), digits, untrained(), title="a net")
    (tmp_path / "p.html").write_text(html, encoding="utf-8")

    page = opened(tmp_path / "p.html")

    assert page.locator(".tiles.large li .note").all_inner_texts() == ["#3", "#5", "#7"]
    first = page.locator(".tiles.large li").first
    label = digits.labels[3]
    assert f"{label}, taken for {(label + 1) % 10}" in first.inner_text()
    pixels = first.locator("img").evaluate(
        """image => {
            const canvas = new OffscreenCanvas(28, 28).getContext("2d");
            canvas.drawImage(image, 0, 0);
            return [...canvas.getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0);
        }"""
    )
    assert np.array_equal(255 - np.array(pixels), digits.images[3].ravel())


def test_a_net_without_mistakes_has_none_to_show(opened, digits, tmp_path):
    perfect = Evaluation(np.eye(10)[digits.labels] * 9, digits.labels)
    html = report.page(perfect, digits, untrained(), title="a net")
    (tmp_path / "p.html").write_text(html, encoding="utf-8")

    page = opened(tmp_path / "p.html")

    assert "There are none" in text_of(page, "main")
    assert page.locator("[data-cell]").count() == 0


def test_the_hidden_units_come_with_the_most_used_first(opened, digits, tmp_path):
    weights = untrained(hidden=4)
    weights.params["W2"][1] *= 100  # It says most ...
    weights.params["W1"][:, 2] = 0  # ... this one always the same ...
    weights.params["W2"][3] = 0  # ... and nobody listens to this one.

    page = opened(write_page(tmp_path / "p.html", weights, digits))

    order = page.locator("[data-unit]").evaluate_all("all => all.map(one => one.dataset.unit)")
    assert order == ["1", "0", "2", "3"]


def test_a_large_net_shows_some_of_its_hidden_units_and_says_how_many_it_leaves_out(
    opened, digits, tmp_path
):
    page = opened(write_page(tmp_path / "p.html", untrained(hidden=800), digits))

    assert page.locator("[data-unit]").count() == 60
    assert "740 are left out" in text_of(page, "main")


HOSTILE = "<script>window.hacked = 1</script>\"'&amp;\n{{ 7 * 7 }}<img src=x onerror=hacked=1>.npz"


def test_hostile_names_are_shown_as_text(opened, digits_folder, command):
    weights = untrained(activation="relu")
    names = {"dataset": HOSTILE, "versions": HOSTILE, "epochs": 1}
    path = command.folder / HOSTILE
    path.parent.mkdir(parents=True)
    weights_files.save_checkpoint(path, Checkpoint(weights.params, weights.recipe, **names))
    done = command("evaluate", HOSTILE, "--data-dir", digits_folder, "--report", "p.html")
    assert done.returncode == 0, done.stderr

    page = opened(command.folder / "p.html")

    assert page.locator("h1").text_content() == f"{HOSTILE} on custom, test digits"
    assert f"on {HOSTILE}, to epoch 1" in page.locator(".facts").text_content()
    assert page.evaluate("window.hacked") is None


# ---- The pad -------------------------------------------------------------------------------------


def assert_the_page_computes_as_python_does(page, weights, digits, count):
    net = TwoLayerNet.from_params(weights.params, weights.activation)
    images = digits.images[:count]
    expected = softmax(net.predict(scale_pixels(images)))

    said = page.evaluate(
        "all => all.map(pixels => pad.show(pixels))", images.reshape(-1, 784).tolist()
    )

    assert np.abs(np.array(said) - expected).max() < 1e-5
    assert len(said) == count


def test_the_page_computes_200_digits_as_python_does(page, trained, digits):
    weights = weights_files.load_checkpoint(trained / "weights.npz")

    assert_the_page_computes_as_python_does(page, weights, digits, 200)


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param(untrained(activation="sigmoid", std=1), id="sigmoid"),
        pytest.param(untrained(dtype=np.float64), id="float64"),
        pytest.param(untrained(hidden=0), id="no units"),
        pytest.param(untrained(hidden=800), id="800 units"),
        pytest.param(untrained(std=30), id="large logits"),
    ],
)
def test_the_page_computes_any_net_as_python_does(opened, digits, tmp_path, weights):
    page = opened(write_page(tmp_path / "p.html", weights, digits))

    assert_the_page_computes_as_python_does(page, weights, digits, 50)


@pytest.mark.mnist
def test_the_page_computes_200_digits_of_mnist_as_python_does(page, trained, mnist):
    weights = weights_files.load_checkpoint(trained / "weights.npz")
    (digits,) = read_digits(["test"], None, mnist)

    assert_the_page_computes_as_python_does(page, weights, digits, 200)


def strokes_of(digit, hand):
    """The points of each stroke of a digit, from 0 to 1 on a pad."""
    return [
        [
            [(float(number) + margin) / 20 for number, margin in zip(point, (5, 3), strict=True)]
            for point in (word.rstrip("!").split(",") for word in stroke.split())
        ]
        for stroke in STROKES[digit][hand][1].split("|")
    ]


def draw_on_pad(page, strokes):
    page.locator("#paper").scroll_into_view_if_needed()
    box = page.locator("#paper").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=3)
        page.mouse.up()


def assert_nothing_is_claimed(page):
    assert text_of(page, "#verdict") == "Nothing is drawn yet."
    assert page.locator("#probabilities .value").all_inner_texts() == ["\N{EN DASH}"] * 10
    assert page.locator("#probabilities .best").count() == 0
    assert page.locator("#speakers li").count() == 0
    assert page.evaluate("pad.pixels()") is None


def until_drawn(page, words):
    page.locator("#verdict", has_text=words).wait_for()


def test_the_pad_says_what_is_drawn_and_an_empty_one_claims_nothing(page):
    assert_nothing_is_claimed(page)
    assert page.locator("#undo").is_disabled()

    draw_on_pad(page, strokes_of(0, 0))
    until_drawn(page, "The net says 0")

    assert page.locator("#probabilities .best").inner_text().startswith("0")
    assert "fire" in text_of(page, "#firing")
    assert page.locator("#speakers li").count() > 0
    page.locator("#clear").click()
    until_drawn(page, "Nothing")
    assert_nothing_is_claimed(page)


def test_undo_takes_back_one_stroke(page):
    draw_on_pad(page, strokes_of(1, 0))
    before = page.evaluate("pad.pixels()")
    draw_on_pad(page, strokes_of(3, 0))
    assert page.evaluate("pad.pixels()") != before

    page.locator("#undo").click()

    assert page.evaluate("pad.pixels()") == before


def test_a_tap_leaves_a_dot(page):
    box = page.locator("#paper").bounding_box()

    page.mouse.click(box["x"] + 30, box["y"] + 30)

    assert sum(page.evaluate("pad.pixels()")) > 0


def test_the_pad_works_with_the_keyboard_alone(page):
    page.locator("#paper").focus()
    scrolled = page.evaluate("scrollY")
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")

    until_drawn(page, "The net says")
    page.locator("#status", has_text="The net says").wait_for(state="attached")
    ink = np.array(page.evaluate("pad.pixels()")).reshape(28, 28)
    assert ink.any(axis=1).sum() == 20
    assert ink.any(axis=0).sum() < 6
    assert page.evaluate("scrollY") == scrolled
    page.keyboard.press("Backspace")
    until_drawn(page, "Nothing")


def test_two_arrow_keys_move_the_pen_aslant(page):
    page.locator("#paper").focus()
    page.keyboard.press("Space")
    page.keyboard.down("ArrowDown")
    page.keyboard.down("ArrowRight")
    for _ in range(8):
        page.keyboard.down("ArrowRight")

    ink = np.array(page.evaluate("pad.pixels()")).reshape(28, 28)

    assert ink.any(axis=0).sum() > 12
    assert ink.any(axis=1).sum() > 12


def test_drawing_with_a_finger_does_not_scroll_the_page(opened, trained):
    page = opened(trained / "report.html", width=360, has_touch=True, is_mobile=True)
    fingers = page.context.new_cdp_session(page)

    def drag(x, y):
        for step in range(10):
            kind = "touchMove" if step else "touchStart"
            points = [{"x": x, "y": y - 20 * step}]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(300)
        return page.evaluate("scrollY")

    page.locator("#paper").evaluate("pad => pad.scrollIntoView({ block: 'center' })")
    start = page.evaluate("scrollY")
    box = page.locator("#paper").bounding_box()

    assert drag(box["x"] + box["width"] / 2, box["y"] + 250) == start
    assert sum(page.evaluate("pad.pixels()")) > 0
    assert drag(5, box["y"] + 250) > start  # Beside the pad, the same finger does scroll.


def test_the_page_prepares_ink_as_python_does(page):
    rng = np.random.default_rng(0)
    for height, width in [(1, 1), (3, 40), (40, 3), (28, 28), (61, 57)]:
        ink = rng.random((height, width)) * (rng.random((height, width)) < 0.5)
        ink[0, 0] = 1

        pixels = page.evaluate("ink => prepared(ink)", ink.tolist())

        # Halves may be rounded up or down.
        assert np.abs(picture.prepared(ink).ravel() - np.array(pixels, float)).max() <= 1


def test_predict_sees_a_screenshot_of_the_pad_as_the_page_does(page, trained, command, full):
    """All digits, each prepared by the page, and by `predict` from a screenshot of the pad."""
    hands = 3 if full else 1
    said, apart = [], []
    for digit, hand in itertools.product(range(10), range(hands)):
        page.evaluate("pad.clear()")
        draw_on_pad(page, strokes_of(digit, hand))
        page.mouse.move(0, 0)
        in_page = page.evaluate("pad.pixels()")
        said.append(int(np.argmax(page.evaluate("pixels => pad.show(pixels)", in_page))))
        shot = command.folder / f"{digit}-{hand}.png"
        page.locator("#paper").screenshot(path=shot)
        in_python = picture.prepared(picture.ink_of(picture.read(shot))).ravel()
        apart.append(np.abs(np.array(in_page) - in_python.astype(float)).mean() / 255)

    shots = sorted(path.name for path in command.folder.iterdir())
    done = command("predict", trained / "weights.npz", *shots, "--json")

    assert [each["digit"] for each in json.loads(done.stdout)["pictures"]] == said
    assert np.mean(apart) < 0.06
    assert np.mean(np.array(said) == np.repeat(range(10), hands)) > 25 / 30


# ---- For everyone --------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1200, "light")])
def test_axe_finds_no_serious_fault(opened, trained, width, scheme):
    if not AXE.exists():
        pytest.skip("there is no axe-core: .ci/run installs it")
    page = opened(trained / "report.html", width, color_scheme=scheme)
    draw_on_pad(page, strokes_of(0, 0))
    page.locator("[data-cell]").first.click()
    page.evaluate(AXE.read_text(encoding="utf-8"))

    result = page.evaluate("axe.run({ resultTypes: ['violations'] })")

    found = {
        fault["id"]: [node["html"] for node in fault["nodes"]]
        for fault in result["violations"]
        if fault["impact"] in ("serious", "critical")
    }
    assert found == {}
    assert len(result["passes"]) > 20


def test_the_keyboard_alone_reaches_everything_and_shows_where_it_is(page):
    draw_on_pad(page, strokes_of(0, 0))
    until_drawn(page, "The net says")
    page.locator("h1").click()
    within_reach = "button:not(:disabled), canvas[tabindex], a"
    everything = page.locator(within_reach).count()

    reached = set()
    for _ in range(everything):
        page.keyboard.press("Tab")
        here, outline, left, right = page.evaluate(
            """within => {
                const here = document.activeElement;
                const box = here.getBoundingClientRect();
                const place = [...document.querySelectorAll(within)].indexOf(here);
                return [place, getComputedStyle(here).outlineStyle, box.left, box.right];
            }""",
            within_reach,
        )
        assert outline == "solid"
        assert 0 <= left < right <= 1200
        reached.add(here)

    assert reached == set(range(everything))
    assert everything > 20


def test_the_keyboard_opens_cells(page):
    first = page.locator("[data-cell]").first
    first.focus()
    assert page.locator("#cell-digits img").count() > 0
    before = text_of(page, "#cell-says")

    page.keyboard.press("ArrowRight")

    assert text_of(page, "#cell-says") != before


def test_on_a_phone_nothing_is_cut_off(opened, trained):
    page = opened(trained / "report.html", 360)
    draw_on_pad(page, strokes_of(0, 0))
    until_drawn(page, "The net says")
    page.locator("[data-cell]").last.click()

    assert page.evaluate("document.documentElement.scrollWidth") == 360
    cut_off = page.evaluate(
        """() => [...document.querySelectorAll("body *:not(.skip, .spoken)")]
            .filter((each) => {
                const box = each.getBoundingClientRect();
                const wide = each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0;
                return box.left < 0 || box.right > 360 || wide;
            })
            .map((each) => each.outerHTML.slice(0, 200))"""
    )
    assert cut_off == []


def test_the_page_has_a_language_and_headings_in_order(page):
    assert page.locator("html").get_attribute("lang") == "en"
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


# ---- The command ---------------------------------------------------------------------------------


def test_the_command_prints_its_tables_and_says_where_the_page_is(command, digits_folder):
    name = os.fsdecode(b"weights-\xff.npz")
    weights_files.save_checkpoint(command.folder / name, untrained())

    done = command("evaluate", name, "--data-dir", digits_folder, "--report", "page.html")

    assert "confusion: each row a digit" in done.stdout
    assert re.search(r"saved page.html \(0\.\d MB\)\n$", done.stderr)
    assert sorted(path.name for path in command.folder.iterdir()) == ["page.html", name]


def test_without_the_extra_the_command_says_what_to_install(command):
    code = """if True:
        import sys
        sys.modules.update(matplotlib=None, jinja2=None)
        from mnist_bp.cli import app as cli
        cli.main()
    """
    arguments = ("evaluate", "weights.npz", "--report", "page.html")

    done = command(shell=[sys.executable, "-c", code, *arguments])

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "mnist-bp[report]"' in done.stderr
    assert "matplotlib, jinja2" in done.stderr


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no/page.html", "--report no/page.html: there is no folder no"),
        (".", "--report .: this is a folder"),
        ("weights.npz", "--report weights.npz is the weights file: name another file"),
    ],
)
def test_a_page_that_has_no_place_to_go_is_found_out_before_the_work(command, path, message):
    (command.folder / "weights.npz").write_text("read by nobody")

    done = command("evaluate", "weights.npz", "--report", path)

    assert done.returncode == 2
    assert message in done.stderr


def test_the_page_is_made_without_a_browser_or_a_screen(trained):
    html = (trained / "report.html").read_text(encoding="utf-8")

    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\';' in html
    assert re.findall(r"(?:src|href)=[\"'](?!data:|#)[^\"']*", html) == []
