"""The page about several nets: how they compare, and their ensemble."""

import json
import re

import numpy as np
import pytest
from pages import certain, evaluation_of, text_of, untrained, with_history, write_page

from mnist_bp.evaluation import ensemble
from mnist_bp.report.nets import Net, shared_errors
from mnist_bp.runs.checkpoint import save_checkpoint


def cells(page, heading):
    rows = page.locator(f"section:has({heading}) table").first.locator("tbody tr")
    return [
        [
            text.replace("\N{NO-BREAK SPACE}", " ")
            for text in row.locator("th, td").all_inner_texts()
        ]
        for row in rows.all()
    ]


def test_each_net_and_the_ensemble_are_a_row_of_the_table(opened, digits, tmp_path):
    nets = [untrained(seed=seed, std=1) for seed in range(3)]
    evaluations = [evaluation_of(net, digits) for net in nets]

    page = opened(write_page(tmp_path / "p.html", digits, *nets))

    together = ensemble(evaluations)
    rows = cells(page, "#nets-title")
    assert [row[0] for row in rows] == ["1", "2", "3", "all"]
    for row, evaluation in zip(rows, [*evaluations, together], strict=True):
        low, high = evaluation.interval
        assert f"{100 * evaluation.accuracy:.2f} %" in row[2]
        assert f"{100 * low:.2f} to {100 * high:.2f}" in row[2]
        assert row[3] == f"{evaluation.errors:,}"
    assert f"{100 * together.accuracy:.2f} %" in text_of(page, "header")
    assert page.locator("[data-cell]").count() == np.count_nonzero(together.confusion)


def test_the_settings_that_differ_are_listed_by_net_and_the_others_once(opened, digits, tmp_path):
    rows = [(0, 2.3, 0.1, 0.1), (1, 1.0, 0.5, 0.5), (2, 0.5, 0.6, 0.6)]
    nets = [with_history(*rows, lr=lr, batch_size=20) for lr in (0.05, 0.2)]

    page = opened(write_page(tmp_path / "p.html", digits, *nets))

    assert [row[-1] for row in cells(page, "#nets-title")] == ["lr 0.05", "lr 0.2", ""]
    header = text_of(page, "header")
    assert "batch_size 20" in header
    assert "lr" not in header.split()
    assert page.locator("#learning-title ~ .curves svg").count() == 2


def test_nets_of_one_recipe_and_nets_without_a_recipe_say_so(opened, digits, tmp_path):
    nets = [with_history((0, 2.3, 0.1, 0.1)), with_history((0, 2.3, 0.1, 0.1)), untrained()]

    page = opened(write_page(tmp_path / "p.html", digits, *nets))

    settings = [row[-1] for row in cells(page, "#nets-title")]
    assert settings == ["same recipe", "same recipe", "recipe unknown", ""]


def test_shared_errors_are_counted_by_pair_and_over_all_nets(digits):
    wrong = [{1: 9, 2: 9, 3: 9}, {2: 9, 3: 9}, {3: 9, 4: 9}]
    nets = [Net(str(i), untrained(), certain(digits, wrong=each)) for i, each in enumerate(wrong)]

    shared = shared_errors(nets)

    assert shared["pairs"] == [[3, 2, 1], [2, 2, 1], [1, 1, 2]]
    assert shared["by_count"] == [296, 2, 1, 1]


def test_mistakes_say_in_how_many_nets_they_are_made(opened, digits, tmp_path):
    evaluations = [certain(digits, wrong=each) for each in ({1: 30, 2: 30}, {2: 30}, {2: 30})]
    nets = [untrained()] * 3

    page = opened(write_page(tmp_path / "p.html", digits, *nets, evaluations=evaluations))

    notes = page.locator(".tiles.large .note").all_inner_texts()
    assert "#2, wrong in 3 of 3 nets" in notes
    assert "1 digits are misclassified by all 3 nets, 2 by at least one" in text_of(page, "main")


def test_the_pad_and_the_inside_are_those_of_the_first_net(opened, digits, tmp_path):
    nets = [untrained(seed=seed, std=1) for seed in range(2)]
    page = opened(write_page(tmp_path / "p.html", digits, *nets))

    probabilities = page.evaluate("pad.show", digits.images[0].ravel().tolist())

    expected = nets[0].net.predict_proba(digits.images[0].ravel() / 255)
    assert np.allclose(probabilities, expected, atol=1e-5)
    assert "Net 1" in text_of(page, ".pad")


def test_nets_of_different_shapes_and_many_nets_are_compared(opened, digits, tmp_path):
    row = (1, 1.0, 0.5, 0.5)
    nets = [untrained(hidden=hidden) for hidden in (3, 7)] + [with_history(row)] * 7

    page = opened(write_page(tmp_path / "p.html", digits, *nets))

    assert "784-3-10" in text_of(page, "main")
    assert "784-7-10" in text_of(page, "main")
    assert "nets 3, 4, 5, 6, 7, 8" in text_of(page, "#learning-title ~ .curves")


def test_the_command_compares_the_weights_it_is_given(opened, command, digits_folder):
    for seed in (0, 1):
        save_checkpoint(command.folder / f"{seed}.npz", untrained(seed=seed))

    done = command(
        *("evaluate", "0.npz", "1.npz", "--data-dir", digits_folder),
        *("--report", "p.html", "--json"),
    )

    page = opened(command.folder / "p.html")
    errors = [each["errors"] for each in json.loads(done.stdout)["members"]]
    rows = cells(page, "#nets-title")
    assert [int(row[3]) for row in rows[:2]] == errors
    assert [re.match(r"\S+", row[1])[0] for row in rows[:2]] == ["0.npz", "1.npz"]


@pytest.mark.parametrize("place", [0, 1])
def test_the_page_is_never_written_over_one_of_the_weights(command, place):
    names = ["a.npz", "b.npz"]
    for name in names:
        (command.folder / name).write_text("never read")

    done = command("evaluate", *names, "--report", names[place])

    assert done.returncode == 2
    assert f"--report {names[place]} is the file of" in done.stderr
