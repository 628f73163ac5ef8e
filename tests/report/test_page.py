"""The page that `evaluate --report` writes, in a real browser: what it shows about one net."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from pages import certain, drawn, text_of, untrained, write_page

from mnist_bp.evaluation import Evaluation
from mnist_bp.report.confusion import cells
from mnist_bp.runs.checkpoint import Checkpoint, EpochResult, load_checkpoint, save_checkpoint
from mnist_bp.runs.recipe import Recipe


def test_the_headline_says_how_good_the_net_is_and_how_it_came_to_be(page, trained):
    figures = json.loads((trained / "figures.json").read_text())

    header = text_of(page, "header")

    assert f"{100 * figures['accuracy']:.2f} %" in header
    assert f"{figures['errors']} errors in 5,000 digits" in header
    for fact in ("784-50-10, relu", "synthetic, 5,000 test digits", "to epoch 3", "mnist-bp 0."):
        assert fact in header


def test_only_the_hyperparameters_that_differ_from_the_defaults_are_unfolded(page):
    assert "epochs 3 · batch_size 20 · lr 0.2" in text_of(page, "header")
    assert "momentum" not in text_of(page, "header")

    page.locator(".facts summary").click()

    assert "momentum 0.0" in text_of(page, "header")


def test_the_page_of_the_usual_net_is_small(trained):
    assert (trained / "report.html").stat().st_size < 700_000


def test_even_a_page_with_all_kinds_of_mistakes_is_small(tmp_path):
    digits = drawn(2000)
    guesses = Evaluation(np.random.default_rng(0).normal(size=(2000, 10)), digits.labels)

    path = write_page(tmp_path / "p.html", digits, untrained(hidden=50), evaluations=[guesses])

    assert path.stat().st_size < 700_000


def test_the_learning_curves_are_those_of_the_history(page, trained):
    history = load_checkpoint(trained / "weights.npz").history

    assert page.locator("#learning-title ~ .curves svg").count() == 2
    curves = text_of(page, "#learning-title ~ .curves")
    assert f"{history[-1].loss:.4f} after epoch 3" in curves
    assert f"Test {history[-1].test_accuracy:.4f}" in curves
    assert page.locator("#learning-title ~ .curves svg text", has_text="epoch").count() == 2


def test_without_a_history_the_page_says_so(opened, digits, tmp_path):
    page = opened(write_page(tmp_path / "p.html", digits, untrained()))

    assert "has no history" in text_of(page, "main")
    assert "the four arrays are all there is" in text_of(page, "header")
    assert page.locator("#learning-title ~ .curves svg").count() == 0


def test_every_cell_shows_its_digits_and_says_how_many_it_leaves_out(page, trained):
    confusion = np.array(json.loads((trained / "figures.json").read_text())["confusion"])

    cells = page.locator("[data-cell]").evaluate_all(
        """all => all.map((cell) => {
            cell.click();
            const shown = [...document.querySelectorAll("#cell-digits img")];
            const text = document.getElementById("cell-text").textContent;
            return [cell.dataset.cell, cell.textContent, text, shown.map(each => each.alt)];
        })"""
    )

    assert len(cells) == np.count_nonzero(confusion)
    for name, count, text, shown in cells:
        label, prediction = map(int, name.split("-"))
        left_out = re.search(r"(\d+) are left out", text)
        assert f": {count} digit" in text
        assert text.startswith(
            f"{label}, classified correctly"
            if label == prediction
            else f"{label} classified as {prediction}"
        )
        assert all(alt.endswith(f": {label} classified as {prediction}") for alt in shown)
        assert len(shown) + (int(left_out[1]) if left_out else 0) == int(count)
        assert int(count) == confusion[label, prediction]
    assert any("left out" in text for _, _, text, _ in cells)


def test_a_cell_shows_its_most_confident_mistakes_or_its_first_correct_digits(digits):
    wrong = [i for i in range(300) if digits.labels[i] == 4][:20]
    evaluation = certain(digits, wrong={index: 3 + place for place, index in enumerate(wrong)})
    correct = [i for i in range(300) if digits.labels[i] == 5]

    shown = cells(evaluation, digits)

    assert [each["index"] for each in shown["4-5"]["digits"]] == wrong[:-9:-1]
    assert [each["index"] for each in shown["5-5"]["digits"]] == correct[:8]
    assert shown["4-5"]["count"] == 20


def test_the_precision_and_recall_of_each_digit_are_listed(page, trained):
    figures = json.loads((trained / "figures.json").read_text())["per_class"]

    rows = page.locator("#digits-title ~ table tbody tr").all_inner_texts()

    assert [row.split() for row in rows] == [
        [str(each["digit"]), f"{each['samples']:,}"]
        + [f"{each[name]:.4f}" for name in ("precision", "recall")]
        for each in figures
    ]


def test_the_most_confident_mistakes_come_first(opened, digits, tmp_path):
    evaluation = certain(digits, wrong={7: 5, 3: 8, 5: 6})
    path = write_page(tmp_path / "p.html", digits, untrained(), evaluations=[evaluation])

    page = opened(path)

    assert page.locator(".tiles.large li .note").all_inner_texts() == ["#3", "#5", "#7"]
    first = page.locator(".tiles.large li").first
    label = digits.labels[3]
    assert f"{label} classified as {(label + 1) % 10}" in first.inner_text()
    pixels = page.evaluate("pixelsOf(document.querySelector('.tiles.large img').src)")
    assert np.array_equal(pixels, digits.images[3].ravel())


def test_a_net_without_mistakes_has_none_to_show(opened, digits, tmp_path):
    path = write_page(tmp_path / "p.html", digits, untrained(), evaluations=[certain(digits)])

    page = opened(path)

    assert "There are no mistakes" in text_of(page, "main")
    assert page.locator("[data-cell]").count() == 10
    assert page.locator(".tiles.large").count() == 0


def test_the_hidden_units_come_with_the_most_influential_first(opened, digits, tmp_path):
    net = untrained(hidden=4)
    net.params["W2"][1] *= 100  # The largest weights ...
    net.params["W1"][:, 2] = 0  # ... an output that never changes ...
    net.params["W2"][3] = 0  # ... and an output that changes no logit.

    page = opened(write_page(tmp_path / "p.html", digits, net))

    order = page.locator("[data-unit]").evaluate_all("all => all.map(one => one.dataset.unit)")
    assert order == ["1", "0", "2", "3"]


def test_a_large_net_shows_some_of_its_hidden_units_and_says_how_many_it_leaves_out(
    opened, digits, tmp_path
):
    page = opened(write_page(tmp_path / "p.html", digits, untrained(hidden=800)))

    assert page.locator("[data-unit]").count() == 60
    assert "740 are left out" in text_of(page, "main")


# ---- Calibration ---------------------------------------------------------------------------------


def answers(confidence, correct, samples):
    """An evaluation of `samples` digits with one confidence, so many of them correct."""
    logits = np.log(np.full((samples, 10), (1 - confidence) / 9))
    labels = np.arange(samples) % 10
    logits[np.arange(samples), (labels + (np.arange(samples) >= correct)) % 10] = np.log(confidence)
    return logits, labels


def test_the_calibration_error_is_the_mean_gap_of_confidence_and_accuracy():
    overconfident, honest = answers(0.9, 60, 100), answers(0.5, 150, 300)
    logits, labels = (np.concatenate(pair) for pair in zip(overconfident, honest, strict=True))

    evaluation = Evaluation(logits, labels)
    bins = evaluation.calibration()

    assert [each.digits.samples for each in bins] == [300, 100]
    assert np.allclose([each.confidence for each in bins], [0.5, 0.9])
    assert np.allclose([each.digits.accuracy for each in bins], [0.5, 0.6])
    assert np.isclose(evaluation.calibration_error, (0.9 - 0.6) * 100 / 400)


def test_confidences_of_one_and_of_a_tenth_are_counted_too():
    logits = np.zeros((2, 10))
    logits[0, 3] = 1000

    bins = Evaluation(logits, np.array([3, 3])).calibration()

    assert [each.confidence for each in bins] == pytest.approx([0.1, 1])


def test_the_page_shows_the_calibration_curve(page):
    section = page.locator("section", has=page.locator("#calibration-title"))

    assert section.locator("svg text", has_text="confidence").count() == 1
    assert re.search(r"Expected calibration error 0\.\d{4}", section.inner_text())


# ---- Texts and numbers from anywhere -------------------------------------------------------------

HOSTILE = "<script>window.hacked = 1</script>\"'&amp;\n{{ 7 * 7 }}<img src=x onerror=hacked=1>.npz"


def test_hostile_names_are_shown_as_text(opened, digits_folder, command):
    params = untrained().params
    path = command.folder / HOSTILE
    path.parent.mkdir(parents=True)
    rows = [EpochResult(epoch, 1.0, 0.5, 0.5, 1.0) for epoch in (0, 1)]
    record = {"dataset": HOSTILE, "versions": HOSTILE, "history": rows, "digests": ("0" * 64,) * 2}
    save_checkpoint(path, Checkpoint(params, Recipe(hidden=6), **record))
    done = command("evaluate", HOSTILE, "--data-dir", digits_folder, "--report", "p.html")
    assert done.returncode == 0, done.stderr

    page = opened(command.folder / "p.html")

    assert page.locator("h1").text_content() == f"{HOSTILE} on custom, test digits"
    assert f"on {HOSTILE}, to epoch 1" in page.locator(".facts").text_content()
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    ("first", "second"),
    [(1e-300, 1e300), (1e200, 1e-190), (1e-30, 1e30)],
)
def test_a_net_with_huge_and_tiny_weights_computes_in_the_page_as_in_python(
    opened, digits, tmp_path, first, second
):
    params = untrained(dtype=np.float64).params
    net = Checkpoint(params | {"W1": params["W1"] * first, "W2": params["W2"] * second})
    page = opened(write_page(tmp_path / "p.html", digits, net))

    pixels = digits.images[:20].reshape(-1, 784)
    probabilities = page.evaluate("all => all.map(pad.show)", pixels.tolist())

    expected = net.net.predict_proba(pixels / 255)
    assert np.abs(np.array(probabilities) - expected).max() < 1e-5
    for word in ("NaN", "Infinity", "nan", "inf "):
        assert word not in page.locator("body").inner_text()


def test_a_net_whose_output_overflows_says_so_in_the_page(page):
    page.evaluate("net.params.W2.fill(1e308); pad.show(new Array(784).fill(255))")

    assert "not finite" in text_of(page, "#prediction")
    assert "NaN" not in page.locator("body").inner_text()


def test_numpy_warns_of_nothing_while_a_page_is_written(digits, tmp_path):
    params = untrained(dtype=np.float64).params
    huge = {"W1": params["W1"] * 1e200, "W2": params["W2"] * 1e-190}

    write_page(tmp_path / "p.html", digits, Checkpoint(params | huge))  # A warning is an error.


# ---- Matplotlib ----------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_a_backend_that_is_set_for_a_notebook_does_not_matter(
    command, digits_folder, backend, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", backend)
    save_checkpoint(command.folder / "weights.npz", untrained())

    done = command("evaluate", "weights.npz", "--data-dir", digits_folder, "--report", "p.html")

    assert done.returncode == 0, done.stderr
    assert re.search(r"^saved p.html \(0.3 MB\)\n\Z", done.stderr, re.MULTILINE)


def test_the_callers_settings_of_matplotlib_stay_as_they_are():
    code = """if True:
        import os, sys
        import matplotlib
        matplotlib.rcParams.update({"font.size": 7, "text.usetex": True})
        before = matplotlib.rcParams.copy()
        from mnist_bp.report.figures import learning_curves
        from mnist_bp.runs.checkpoint import EpochResult
        environment = dict(os.environ)
        assert "<text" in learning_curves([EpochResult(1, 1.0, 0.5, 0.5, 1.0)])[0].svg
        assert matplotlib.rcParams.copy() == before
        assert dict(os.environ) == environment
        assert "matplotlib.pyplot" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- The command ---------------------------------------------------------------------------------


def test_the_command_prints_its_tables_and_says_where_the_page_is(command, digits_folder):
    name = os.fsdecode(b"weights-\xff.npz")
    save_checkpoint(command.folder / name, untrained())

    done = command("evaluate", name, "--data-dir", digits_folder, "--report", "page.html")

    assert "precision" in done.stdout
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
        ("weights.npz", "--report weights.npz is the file of the weights"),
    ],
)
def test_a_page_that_cannot_be_written_is_an_error_before_the_work(command, path, message):
    (command.folder / "weights.npz").write_text("never read")

    done = command("evaluate", "weights.npz", "--report", path)

    assert done.returncode == 2
    assert message in done.stderr


def test_the_page_refers_to_nothing_outside(trained):
    html = (trained / "report.html").read_text(encoding="utf-8")

    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\';' in html
    assert re.findall(r"(?:src|href)=[\"'](?!data:|#)[^\"']*", html) == []
