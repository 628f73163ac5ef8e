"""The page for everyone: with a screen reader, the keyboard alone, a phone, and on paper."""

import itertools

import pytest
from pages import (
    draw_on_pad,
    passed_rules,
    strokes_of,
    text_of,
    untrained,
    with_history,
    write_page,
)


@pytest.fixture(scope="module")
def compared(digits, tmp_path_factory):
    """A page that compares three nets."""
    rows = [(0, 2.3, 0.1, 0.1), (1, 1.0, 0.5, 0.5), (2, 0.5, 0.6, 0.6)]
    nets = [with_history(*rows, lr=lr) for lr in (0.1, 0.2)]
    return write_page(tmp_path_factory.mktemp("compared") / "p.html", digits, *nets, untrained())


def draw_a_row(page):
    """Draw a 0 and a scribble that is marked as unsure."""
    draw_on_pad(page, strokes_of(0, 0), left=0.05, size=0.6)
    zigzag = [(0.1 + 0.8 * (i % 2), 0.1 + 0.8 * i / 14) for i in range(15)]
    draw_on_pad(page, [zigzag], left=1, size=0.6)
    page.locator("#row button", has_text="not like a digit").wait_for()


@pytest.mark.parametrize(
    ("several", "width", "scheme"),
    [(False, 360, "dark"), (False, 1200, "light"), (True, 360, "light"), (True, 1200, "dark")],
)
def test_axe_finds_no_serious_fault(opened, trained, compared, several, width, scheme):
    page = opened(compared if several else trained / "report.html", width, color_scheme=scheme)
    draw_a_row(page)
    page.locator("#label").select_option("0")
    page.locator("#step").click()
    page.locator("#remembered", has_text="still correct").wait_for()
    page.locator(".facts summary").click()
    page.locator("[data-cell]").first.click()

    assert passed_rules(page) > 20


def test_the_keyboard_alone_reaches_everything_and_shows_where_it_is(page):
    draw_a_row(page)
    page.locator("h1").click()
    within_reach = "button:not(:disabled), [tabindex='0'], a, select, input, summary"
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
    before = text_of(page, "#cell-text")

    page.keyboard.press("ArrowRight")

    assert text_of(page, "#cell-text") != before


@pytest.mark.parametrize("several", [False, True])
def test_on_a_phone_nothing_is_cut_off(opened, trained, compared, several):
    page = opened(compared if several else trained / "report.html", 360)
    draw_a_row(page)
    page.locator("[data-cell]").last.click()

    assert page.evaluate("document.documentElement.scrollWidth") == 360
    cut_off = page.evaluate(
        """() => [...document.querySelectorAll("body *:not(.skip, .spoken, .scroll, .scroll *)")]
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


def test_on_a_phone_there_is_no_blank_area_below_the_matrix(opened, trained):
    page = opened(trained / "report.html", 360)

    matrix, following = (page.locator(name).bounding_box() for name in (".matrix", "#digits-title"))

    assert following["y"] - matrix["y"] - matrix["height"] < 120


def test_nothing_interactive_is_printed(page):
    draw_on_pad(page, strokes_of(0, 0))
    page.locator("[data-cell]").first.click()

    page.emulate_media(media="print")

    for name in ("#paper", "#inside-title", "#step", "#cell-text", "#cell-digits", ".skip"):
        assert page.locator(name).is_hidden(), name
    for word in ("Choose", "arrow keys", "Draw"):
        assert word not in page.locator("body").inner_text()
    for name in (".matrix", ".tiles.large", "[data-unit]", "#calibration-title"):
        assert page.locator(name).first.is_visible(), name
