"""Inside the net: gradients and steps of gradient descent in the page, compared with Python's."""

import base64

import numpy as np
import pytest
from pages import draw_on_pad, strokes_of, text_of, until_predicted, untrained, write_page

from mnist_bp.data.sources import read_digits
from mnist_bp.layers import Affine, ReLU, Sigmoid, SoftmaxWithLoss
from mnist_bp.runs.checkpoint import load_checkpoint

PARAMETERS = ("W1", "b1", "W2", "b2")
BASE64 = """(array) => {
    const bytes = new Uint8Array(Float64Array.from(array).buffer);
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
}"""


def gradients_in_page(page, pixels, label):
    texts = page.evaluate(
        f"""([pixels, label]) => {{
            net.forward(scaled(pixels), label);
            const {{ dx }} = net.backward();
            return Object.values({{ ...net.gradients(), dx }}).map({BASE64});
        }}""",
        [pixels.ravel().tolist(), int(label)],
    )
    return dict(zip((*PARAMETERS, "dx"), map(array_of, texts), strict=True))


def weights_in_page(page):
    texts = page.evaluate(f"() => Object.values(net.params).map({BASE64})")
    return dict(zip(PARAMETERS, map(array_of, texts), strict=True))


def array_of(text):
    return np.frombuffer(base64.b64decode(text), np.float64)


def gradients_in_python(params, activation, pixels, label):
    """The gradients by the chapter's layers, in float64."""
    W1, b1, W2, b2 = (params[name].astype(np.float64) for name in PARAMETERS)
    first, second, last = Affine(W1, b1), Affine(W2, b2), SoftmaxWithLoss()
    middle = Sigmoid() if activation == "sigmoid" else ReLU()
    last.forward(second.forward(middle.forward(first.forward(pixels.ravel() / 255))), label)
    dx = first.backward(middle.backward(second.backward(last.backward())))
    return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db, "dx": dx}


def assert_close(found, expected):
    for name, array in expected.items():
        largest = np.abs(array).max()
        assert np.abs(found[name] - array.ravel()).max() <= 1e-5 * largest, name


def assert_gradients_are_those_of_python(page, checkpoint, digits, count):
    for pixels, label in zip(digits.images[:count], digits.labels[:count], strict=True):
        expected = gradients_in_python(checkpoint.params, checkpoint.activation, pixels, label)
        assert_close(gradients_in_page(page, pixels, label), expected)


def steps_in_python(checkpoint, pixels, label, rate, count):
    params = {name: checkpoint.params[name].astype(np.float64) for name in PARAMETERS}
    for _ in range(count):
        gradients = gradients_in_python(params, checkpoint.activation, pixels, label)
        for name, array in params.items():
            array -= rate * gradients[name]
    return params


# ---- As in Python --------------------------------------------------------------------------------


def test_the_gradients_of_50_digits_are_those_of_python(page, trained, digits):
    checkpoint = load_checkpoint(trained / "weights.npz")

    assert_gradients_are_those_of_python(page, checkpoint, digits, 50)


@pytest.mark.mnist
def test_the_gradients_of_50_digits_of_mnist_are_those_of_python(page, trained, mnist):
    (digits,) = read_digits(["test"], None, mnist)

    assert_gradients_are_those_of_python(page, load_checkpoint(trained / "weights.npz"), digits, 50)


@pytest.mark.parametrize(
    "checkpoint",
    [
        pytest.param(untrained(activation="sigmoid", std=1), id="sigmoid"),
        pytest.param(untrained(dtype=np.float64), id="float64"),
        pytest.param(untrained(hidden=300), id="300 units"),
        pytest.param(untrained(std=3), id="large logits"),
    ],
)
def test_the_gradients_of_any_net_are_those_of_python(opened, digits, tmp_path, checkpoint):
    page = opened(write_page(tmp_path / "p.html", digits, checkpoint))

    assert_gradients_are_those_of_python(page, checkpoint, digits, 5)


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_the_weights_after_10_steps_are_those_of_python(opened, digits, tmp_path, activation):
    checkpoint = untrained(hidden=50, activation=activation)
    page = opened(write_page(tmp_path / "p.html", digits, checkpoint))
    link = page.locator(".tiles.large a").first
    index = int(link.get_attribute("data-index"))
    choose(page, link)

    page.locator("#rate").fill("0.05")
    page.locator("#step10").click()

    expected = steps_in_python(checkpoint, digits.images[index], digits.labels[index], 0.05, 10)
    assert_close(weights_in_page(page), expected)
    moved = np.abs(expected["W1"] - checkpoint.params["W1"]).max()
    assert moved > 1e-3


# ---- Choosing a digit ----------------------------------------------------------------------------


def choose(page, link):
    index = link.get_attribute("data-index")
    link.click()
    page.locator("#inside-digit", has_text=f"digit {index}").wait_for()


def loss_shown(page):
    return float(text_of(page, "#loss").replace("\N{MINUS SIGN}", "-"))


def test_a_mistake_is_shown_with_its_label_its_loss_and_its_gradients(page, trained):
    link = page.locator(".tiles.large a").nth(3)
    label = int(link.get_attribute("data-label"))

    choose(page, link)

    pixels = np.array(page.evaluate("pixelsOf", link.locator("img").get_attribute("src")))
    net = load_checkpoint(trained / "weights.npz").net
    assert page.locator("#label").input_value() == str(label)
    assert loss_shown(page) == pytest.approx(float(net.loss(pixels / 255, label)), rel=1e-3)
    targets = page.locator("[data-list=t]").all_inner_texts()
    assert targets == [str(int(digit == label)) for digit in range(10)]
    probabilities = [float(text) for text in page.locator("[data-list=y]").all_inner_texts()]
    gradients = [
        float(text.replace("\N{MINUS SIGN}", "-"))
        for text in page.locator("[data-list=dlogits]").all_inner_texts()
    ]
    assert np.allclose(gradients, np.array(probabilities) - np.eye(10)[label], atol=2e-4)


def test_a_digit_of_a_cell_can_be_chosen_with_the_keyboard(page):
    page.locator("[data-cell]").nth(1).focus()
    link = page.locator("#cell-digits a").first
    index = link.get_attribute("data-index")

    link.focus()
    page.keyboard.press("Enter")

    page.locator("#inside-digit", has_text=f"digit {index}").wait_for()
    assert page.evaluate("document.activeElement.id") == "inside-title"


def test_a_drawing_has_gradients_when_its_label_is_chosen(page):
    draw_on_pad(page, strokes_of(7, 0))
    until_predicted(page, "Prediction:")
    assert text_of(page, "#inside-digit") == "your drawing"
    assert text_of(page, "#loss") == "\N{EN DASH}"
    assert page.locator("#step").is_disabled()

    page.locator("#label").select_option("7")

    assert loss_shown(page) >= 0
    assert page.locator("#step").is_enabled()


def test_a_drawing_that_is_continued_keeps_its_label(page):
    draw_on_pad(page, strokes_of(1, 0))
    until_predicted(page, "Prediction:")
    page.locator("#label").select_option("4")

    draw_on_pad(page, strokes_of(4, 0))
    page.wait_for_timeout(50)
    assert page.locator("#label").input_value() == "4"
    page.locator("#clear").click()
    until_predicted(page, "Nothing")

    assert "digit" in text_of(page, "#inside-digit")


# ---- Steps ---------------------------------------------------------------------------------------


def test_she_teaches_it_her_7_and_it_forgets_others_until_it_is_reset(page, trained):
    draw_on_pad(page, strokes_of(7, 0))
    until_predicted(page, "Prediction:")
    page.locator("#label").select_option("2")
    page.locator("#rate").fill("0.2")
    before = page.locator("[data-list=after]").nth(2).inner_text()
    first_loss = loss_shown(page)

    page.locator("#step10").click()

    assert page.locator("[data-list=before]").nth(2).inner_text() == before
    assert page.locator("[data-list=before]").last.inner_text() == page.evaluate(
        f"number({first_loss})"
    )
    assert loss_shown(page) < first_loss / 2
    assert "10 steps" in text_of(page, "#steps")
    until_predicted(page, "Prediction: 2")  # The pad above shows the net as it is now.
    assert "changed by 10 steps" in text_of(page, "#weights-changed")
    page.locator("#remembered", has_text="still correct").wait_for()
    remembered, shown = page.evaluate("element('remembered').textContent.match(/\\d+/g)")
    assert int(remembered) < int(shown)

    page.locator("#reset").click()

    until_predicted(page, "Prediction:")
    assert page.locator("[data-list=after]").nth(2).inner_text() == before
    assert text_of(page, "#weights-changed") == ""
    params = load_checkpoint(trained / "weights.npz").params
    for name, array in weights_in_page(page).items():
        assert np.array_equal(array, params[name].ravel()), name


def test_without_a_change_nothing_is_forgotten(page):
    page.locator("#rate").fill("0.000000001")
    page.locator("#step").click()

    page.locator("#remembered", has_text="still correct").wait_for()

    remembered, shown = page.evaluate("element('remembered').textContent.match(/\\d+/g)")
    assert int(remembered) == int(shown) > 50


def test_a_learning_rate_that_is_no_positive_number_takes_no_step(page):
    for rate in ("", "0", "-1"):
        page.locator("#rate").fill(rate)
        assert page.locator("#step").is_disabled()

    page.locator("#rate").fill("0.1")

    assert page.locator("#step").is_enabled()


def test_a_learning_rate_that_is_far_too_large_is_reported_and_can_be_reset(page):
    page.locator("#rate").fill("1e200")
    page.locator("#step10").click()

    assert "not finite" in text_of(page, "#steps")
    assert page.locator("#step").is_disabled()
    assert "NaN" not in page.locator("body").inner_text()
    page.locator("#reset").click()
    assert page.locator("#step").is_disabled() is False


# ---- Numbers -------------------------------------------------------------------------------------


def test_the_numbers_of_a_cell_are_shown_when_it_is_pointed_at(page):
    canvas = page.locator("[data-array=z1] canvas").last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()

    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 2)

    value, gradient = page.evaluate("[grids[1].values[7], grids[1].gradient[7]].map(number)")
    assert text_of(page, "#z1-readout") == f"z1[7] = {value}, gradient {gradient}"


def test_the_numbers_of_a_cell_are_shown_when_the_keyboard_reaches_it(page):
    page.locator("#label").focus()
    page.keyboard.press("Tab")
    assert text_of(page, "#x-readout").startswith("x[0, 0] = 0, gradient")

    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)

    assert text_of(page, "#x-readout").startswith("x[1, 0] = ")


def test_the_last_row_of_units_ends_where_the_units_end(page):
    page.locator("[data-array=h]").focus()
    page.locator("[data-array=h]").press("ArrowDown")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    for _ in range(20):
        page.keyboard.press("ArrowRight")

    assert text_of(page, "#h-readout").startswith("h[49] = ")
