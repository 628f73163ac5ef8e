"""The pad of the page: what is drawn on it, and what the net predicts."""

import itertools
import json

import numpy as np
import pytest
from pages import draw_on_pad, strokes_of, text_of, until_predicted, untrained, write_page

from mnist_bp.data.sources import read_digits
from mnist_bp.functions import scale_pixels
from mnist_bp.pictures import form, opening, picture
from mnist_bp.runs.checkpoint import load_checkpoint


def assert_the_page_computes_as_python_does(page, weights, digits, count):
    images = digits.images[:count]
    expected = weights.net.predict_proba(scale_pixels(images))

    said = page.evaluate(
        "all => all.map(pixels => pad.show(pixels))", images.reshape(-1, 784).tolist()
    )

    assert np.abs(np.array(said) - expected).max() < 1e-5
    assert len(said) == count


def test_the_page_computes_200_digits_as_python_does(page, trained, digits):
    weights = load_checkpoint(trained / "weights.npz")

    assert_the_page_computes_as_python_does(page, weights, digits, 200)


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param(untrained(activation="sigmoid", std=1), id="sigmoid"),
        pytest.param(untrained(dtype=np.float64), id="float64"),
        pytest.param(untrained(hidden=800), id="800 units"),
        pytest.param(untrained(std=30), id="large logits"),
    ],
)
def test_the_page_computes_any_net_as_python_does(opened, digits, tmp_path, weights):
    page = opened(write_page(tmp_path / "p.html", digits, weights))

    assert_the_page_computes_as_python_does(page, weights, digits, 50)


@pytest.mark.mnist
def test_the_page_computes_200_digits_of_mnist_as_python_does(page, trained, mnist):
    weights = load_checkpoint(trained / "weights.npz")
    (digits,) = read_digits(["test"], None, mnist)

    assert_the_page_computes_as_python_does(page, weights, digits, 200)


def assert_nothing_is_predicted(page):
    assert text_of(page, "#prediction") == "Nothing is drawn yet."
    assert page.locator("#probabilities .value").all_inner_texts() == ["\N{EN DASH}"] * 10
    assert page.locator("#probabilities .best").count() == 0
    assert page.locator("#contributors li").count() == 0
    assert page.evaluate("pad.pixels()") is None


def test_the_pad_says_what_is_drawn_and_an_empty_one_has_no_prediction(page):
    assert_nothing_is_predicted(page)
    assert page.locator("#undo").is_disabled()

    draw_on_pad(page, strokes_of(0, 0))
    until_predicted(page, "Prediction: 0")

    assert page.locator("#probabilities .best").inner_text().startswith("0")
    assert "active" in text_of(page, "#active")
    assert page.locator("#contributors li").count() > 0
    page.locator("#clear").click()
    until_predicted(page, "Nothing")
    assert_nothing_is_predicted(page)


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

    until_predicted(page, "Prediction:")
    page.locator("#status", has_text="Prediction:").wait_for(state="attached")
    ink = np.array(page.evaluate("pad.pixels()")).reshape(28, 28)
    assert ink.any(axis=1).sum() == 20
    assert ink.any(axis=0).sum() < 6
    assert page.evaluate("scrollY") == scrolled
    page.keyboard.press("Backspace")
    until_predicted(page, "Nothing")


def test_two_arrow_keys_move_the_pen_diagonally(page):
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
        assert np.abs(form.to_mnist(ink).ravel() - np.array(pixels, float)).max() <= 1


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
        in_python = picture.find_digits(opening.open_picture(shot)[0]).images[0].ravel()
        apart.append(np.abs(np.array(in_page) - in_python.astype(float)).mean() / 255)

    shots = sorted(path.name for path in command.folder.iterdir())
    done = command("predict", trained / "weights.npz", *shots, "--json")

    assert [each["digit"] for each in json.loads(done.stdout)["pictures"]] == said
    assert np.mean(apart) < 0.06
    assert np.mean(np.array(said) == np.repeat(range(10), hands)) > 25 / 30


def test_a_second_digit_is_named_only_where_it_has_a_probability(page):
    page.evaluate("Object.assign(net.params.b2, [30, 0, 0, 0, 0, 0, 0, 0, 0, 0])")
    page.evaluate("net.params.W2.fill(0); pad.show(new Array(784).fill(9))")
    assert text_of(page, "#prediction") == "Prediction: 0 (100.0 %)"

    page.evaluate("net.params.b2[3] = 29; pad.show(new Array(784).fill(9))")

    assert text_of(page, "#prediction") == "Prediction: 0 (73.1 %), or 3 (26.9 %)"
