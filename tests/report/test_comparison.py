"""The page about several nets: how they compare, and their ensemble."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from pages import certain, evaluation_of, text_of, untrained, with_history, write_page

from mnist_bp.evaluation import ensemble
from mnist_bp.report.nets import Net, facts, shared_errors
from mnist_bp.runs.checkpoint import Checkpoint, save_checkpoint
from mnist_bp.runs.recipe import Recipe


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


def test_nets_trained_on_different_digits_say_on_which(opened, digits, tmp_path):
    nets = [replace(with_history((0, 2.3, 0.1, 0.1)), dataset=name) for name in ("mnist", "custom")]

    page = opened(write_page(tmp_path / "p.html", digits, *nets, untrained()))

    shown = [row[1].rpartition(", ")[2] for row in cells(page, "#nets-title")[:3]]
    assert shown == ["trained on mnist", "trained on custom", "trained on unknown digits"]


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
    text = "Misclassified by all 3 nets: 1 of 300 digits; by at least one: 2. In the table"
    assert text in text_of(page, "main")


@pytest.mark.parametrize(
    ("wrong", "lead", "other"),
    [
        (
            ({1: 30, 2: 30, 3: 30}, {2: 30}),
            "99.67 % accuracy of net1.npz, the better net",
            "The ensemble of both nets has 99.00 %",
        ),
        (
            ({1: 0.1, 2: 9}, {2: 9, 3: 0.1}),
            "99.67 % accuracy of the ensemble",
            "The better net alone, net0.npz, has 99.33 %",
        ),
    ],
)
def test_the_page_about_two_nets_leads_with_the_highest_accuracy(
    opened, digits, tmp_path, wrong, lead, other
):
    evaluations = [certain(digits, wrong=each) for each in wrong]
    nets = [untrained(), untrained(seed=1)]

    page = opened(write_page(tmp_path / "p.html", digits, *nets, evaluations=evaluations))

    assert text_of(page, ".headline") == lead
    assert other in text_of(page, "header")
    alone = [len(set(a) - set(b)) for a, b in (wrong, wrong[::-1])]
    assert (
        "Misclassified by both nets: 1 of 300 digits; "
        f"by net 1 alone: {alone[0]}; by net 2 alone: {alone[1]}; by at least one: 3."
    ) in text_of(page, "main")
    assert page.locator("table.shared").count() == 0


def test_headings_say_what_is_the_ensembles_and_what_is_the_first_nets(opened, digits, tmp_path):
    page = opened(write_page(tmp_path / "p.html", digits, untrained(), untrained(seed=1)))

    headings = page.locator("h2").all_inner_texts()
    assert {"Inside net 1", "Weights of the hidden units of net 1"} <= set(headings)
    assert {"Confusion matrix of the ensemble", "Calibration of the ensemble"} <= set(headings)
    assert "Most confident mistakes of the ensemble" in headings
    assert "Net 1, net0.npz, runs in this page" in text_of(page, ".pad")


@pytest.mark.parametrize(
    ("differing", "shown"),
    [
        ({}, "default hyperparameters"),
        ({"lr": 0.2}, "what differs is in the table"),
        ({"lr": 0.2, "batch_size": 20}, "batch_size 20; what differs is in the table"),
    ],
)
def test_the_recipe_of_nets_that_differ_is_not_the_default(digits, differing, shown):
    shared = {"batch_size": differing.get("batch_size", 100)}
    checkpoints = [
        Checkpoint(untrained().params, Recipe(**settings))
        for settings in (shared, shared | differing)
    ]

    nets = [Net("a.npz", each, certain(digits)) for each in checkpoints]

    assert facts(nets, digits, "test")["recipe"] == shown


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
    names = ["a-file-with-a-name-that-is-wider-than-any-telephone.npz", "1.npz"]
    for seed, name in enumerate(names):
        save_checkpoint(command.folder / name, untrained(seed=seed))

    done = command(
        *("evaluate", *names, "--data-dir", digits_folder),
        *("--report", "p.html", "--json"),
    )

    page = opened(command.folder / "p.html", width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    errors = [each["errors"] for each in json.loads(done.stdout)["members"]]
    rows = cells(page, "#nets-title")
    assert [int(row[3]) for row in rows[:2]] == errors
    assert [re.match(r"\S+", row[1])[0] for row in rows[:2]] == names
    assert page.locator("h1").inner_text() == page.title() == "2 nets on custom, test digits"


@pytest.mark.parametrize("place", [0, 1])
def test_the_page_is_never_written_over_one_of_the_weights(command, place):
    names = ["a.npz", "b.npz"]
    for name in names:
        (command.folder / name).write_text("never read")

    done = command("evaluate", *names, "--report", names[place])

    assert done.returncode == 2
    assert f"--report {names[place]} is the file of" in done.stderr
