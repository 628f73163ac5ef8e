"""The pad of the page: what is drawn on it, and what the net predicts."""

import itertools
import json

import numpy as np
import pytest
from pages import draw_on_pad, strokes_of, text_of, until_predicted, untrained, write_page
from PIL import Image, ImageDraw

from mnist_bp.data.sources import read_digits
from mnist_bp.functions import scale_pixels
from mnist_bp.pictures import form, morphology, opening, picture, shapes, unsure
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
    assert ink.any(axis=1).sum() in (20, 21)
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
    bottom = box["y"] + box["height"] - 10

    assert drag(box["x"] + box["width"] / 2, bottom) == start
    assert sum(page.evaluate("pad.pixels()")) > 0
    assert drag(5, bottom) > start  # Beside the pad, the same finger does scroll.


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


# ---- Several digits ------------------------------------------------------------------------------

ZIGZAG = [[(0.1 + 0.8 * (i % 2), 0.1 + 0.8 * i / 14) for i in range(15)]]


def draw_row(page, number):
    """Draw a number of three digits."""
    for place, digit in enumerate(number):
        draw_on_pad(page, strokes_of(int(digit), 0), left=0.05 + 0.63 * place, size=0.6)


def test_digits_side_by_side_are_read_as_a_number(page):
    draw_row(page, "472")

    until_predicted(page, "Prediction: 472")

    buttons = page.locator("#row button")
    assert [text.split()[0] for text in buttons.all_inner_texts()] == ["4", "7", "2"]
    y = page.evaluate("pad.digits().map(pixels => Math.max(...net.forward(scaled(pixels)).y))")
    shares = [text.replace("\N{NO-BREAK SPACE}", " ") for text in buttons.all_inner_texts()]
    assert all(f"{best:.1%}".rstrip("%") in text for best, text in zip(y, shares, strict=True))


def test_each_digit_of_a_row_is_prepared_as_if_it_were_alone(page):
    draw_row(page, "472")
    together = np.array(page.evaluate("pad.digits()"))

    for place, digit in enumerate("472"):
        page.evaluate("pad.clear()")
        draw_on_pad(page, strokes_of(int(digit), 0), left=0.05 + 0.63 * place, size=0.6)
        assert page.evaluate("pad.digits()") == [together[place].tolist()]


def test_the_order_is_from_left_to_right_whichever_is_drawn_first(page):
    for place, digit in ((2, 2), (0, 4), (1, 7)):
        draw_on_pad(page, strokes_of(digit, 0), left=0.05 + 0.63 * place, size=0.6)

    until_predicted(page, "Prediction: 472")


@pytest.mark.parametrize(
    "strokes",
    [
        pytest.param(strokes_of(4, 0), id="a 4 in two strokes"),
        pytest.param(strokes_of(5, 1), id="a 5 in two strokes that touch"),
        pytest.param(
            [
                [(0.35, 0.3), (0.33, 0.5), (0.6, 0.6), (0.6, 0.8), (0.3, 0.85)],
                [(0.42, 0.14), (0.7, 0.12)],
            ],
            id="a 5 whose bar is apart",
        ),
    ],
)
def test_strokes_of_one_digit_belong_together(page, strokes):
    draw_on_pad(page, strokes)

    assert len(page.evaluate("pad.digits()")) == 1
    until_predicted(page, "Prediction:")
    assert page.locator("#row button").count() == 0


def test_a_scribble_is_marked_as_unsure_with_the_reason(page):
    draw_on_pad(page, ZIGZAG)

    until_predicted(page, "Unsure: not like a digit")
    assert "? (" in text_of(page, "#prediction")

    page.evaluate("pad.clear()")
    draw_on_pad(page, strokes_of(4, 0), left=0.05, size=0.6)
    draw_on_pad(page, ZIGZAG, left=0.8, size=0.6)
    page.locator("#row button", has_text="not like a digit").wait_for()

    first, second = page.locator("#row button").all_inner_texts()
    assert "?" not in first
    assert "?" in second
    assert text_of(page, "#prediction").endswith("?")


def test_digits_that_touch_are_said_to_touch(page):
    draw_on_pad(page, strokes_of(0, 0), left=0.1, size=0.7)
    draw_on_pad(page, strokes_of(0, 0), left=0.45, size=0.7)

    until_predicted(page, "Unsure: perhaps several that touch")


def test_a_button_chooses_the_digit_that_is_shown_in_detail(page):
    draw_row(page, "472")
    until_predicted(page, "Prediction: 472")
    buttons = page.locator("#row button")
    assert page.locator("#row [aria-pressed=true]").inner_text().startswith("2")
    assert text_of(page, "#inside-digit") == "digit 3 of your drawing"
    page.locator("#label").select_option("2")

    buttons.first.focus()
    page.keyboard.press("Enter")

    assert page.locator("#row [aria-pressed=true]").inner_text().startswith("4")
    assert page.locator("#probabilities .best").inner_text().startswith("4")
    assert text_of(page, "#inside-digit") == "digit 1 of your drawing"
    assert page.locator("#label").input_value() == ""
    assert page.evaluate("grids[0].values.length") == 784
    assert page.evaluate("pad.digits()[0].every((pixel, i) => pixel / 255 === grids[0].values[i])")
    assert page.evaluate("document.activeElement.parentElement.id") == "row"
    buttons.last.click()
    assert page.locator("#label").input_value() == "2"


def test_steps_on_one_digit_of_a_row_change_what_the_others_are_read_as(page):
    draw_row(page, "472")
    until_predicted(page, "Prediction: 472")
    page.locator("#row button").first.click()
    page.locator("#label").select_option("1")
    page.locator("#rate").fill("0.2")

    page.locator("#step10").click()

    until_predicted(page, "Prediction: 1")
    assert page.locator("#row [aria-pressed=true]").inner_text().startswith("1")
    assert page.locator("#row button").count() == 3


def random_drawing(rng):
    """Lines on a canvas (40, 100): some touch, some are near each other."""
    canvas = Image.new("L", (100, 40))
    for _ in range(rng.integers(1, 7)):
        x, y = rng.integers(0, 85), rng.integers(0, 15)
        ends = [(x, y), (x + rng.integers(0, 15), y + rng.integers(2, 25))]
        ImageDraw.Draw(canvas).line(ends, 255, int(rng.integers(1, 5)))
    return np.asarray(canvas) / 255


def inks_in_python(ink):
    pieces = morphology.pieces_of(ink > 0)
    found = sorted(shapes.shapes_of(pieces), key=lambda shape: shape.box[0])
    inks = []
    for shape in found:
        left, top, right, bottom = shape.box
        inks.append((ink * shape.mask(pieces))[top:bottom, left:right].tolist())
    return inks


def test_the_page_finds_the_digits_that_python_finds(page):
    rng = np.random.default_rng(0)
    drawings = [ink for ink in (random_drawing(rng) for _ in range(300)) if ink.any()]
    expected = [inks_in_python(ink) for ink in drawings]

    found = page.evaluate("all => all.map(digitsIn)", [ink.tolist() for ink in drawings])

    assert found == expected
    pieces = [morphology.pieces_of(ink > 0).max() for ink in drawings]
    fewer = sum(len(each) < count for each, count in zip(expected, pieces, strict=True))
    assert fewer > 50  # Parts are joined.
    assert sum(len(each) > 1 for each in expected) > 50


def test_the_page_is_unsure_where_python_is(page, digits):
    rng = np.random.default_rng(0)
    blobs = np.zeros((40, 28, 28), np.uint8)
    for blob, size in zip(blobs, rng.integers(7, 24, 40), strict=True):
        blob[2 : 2 + size, 3 : 3 + size] = 255
    dense = rng.choice([0, 255], (40, 28, 28), p=(0.8, 0.2)).astype(np.uint8)
    images = np.concatenate([digits.images[:200], blobs, dense])
    y = rng.dirichlet(np.full(10, 0.1), len(images))
    expected = unsure.reasons(y, images)

    said = page.evaluate(
        "all => all.map(([y, pixels]) => reasonAgainst(y, pixels, false))",
        [[*each] for each in zip(y.tolist(), images.reshape(-1, 784).tolist(), strict=True)],
    )

    assert said == expected
    assert {expected.count(reason) > 5 for reason in set(expected)} == {True}
    assert len(set(expected)) == 4
