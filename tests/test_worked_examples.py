"""The graphs of the chapter, number by number: every edge's value and gradient."""

import json
import math

import pytest

from mnist_bp.layers import Sigmoid


@pytest.fixture
def edges(command):
    """Run `explain`; returns the value and the gradient of each edge, by where it starts.

    Where several edges start at one place, it returns them by where they end.
    """

    def explain(*arguments):
        done = command("explain", *arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        found = {}
        for edge in json.loads(done.stdout)["edges"]:
            name = edge["from"] if edge["from"] not in found else (edge["from"], edge["to"])
            found[name] = (edge["value"], edge["gradient"])
        return found

    return explain


def test_two_apples(edges):
    assert edges("apple") == {
        "apple": (100, 2.2),
        "apple_count": (2, 110.00000000000001),
        "apple * apple_count": (200, 1.1),
        "tax": (1.1, 200),
        "apple * apple_count * tax": (220.00000000000003, 1),
    }


def test_two_apples_and_three_oranges(edges):
    assert edges("apple-orange") == {
        "apple": (100, 2.2),
        "apple_count": (2, 110.00000000000001),
        "orange": (150, 3.3000000000000003),
        "orange_count": (3, 165.0),
        "apple * apple_count": (200, 1.1),
        "orange * orange_count": (450, 1.1),
        "apple * apple_count + orange * orange_count": (650, 1.1),
        "tax": (1.1, 650),
        "(apple * apple_count + orange * orange_count) * tax": (715.0000000000001, 1),
    }


def test_two_apples_and_five_bananas(edges):
    assert edges("apple-banana") == {
        "apple": (100, 2.2),
        "apple_count": (2, 110.00000000000001),
        "banana": (300, 5.5),
        "banana_count": (5, 330.0),
        "apple * apple_count": (200, 1.1),
        "banana * banana_count": (1500, 1.1),
        "apple * apple_count + banana * banana_count": (1700, 1.1),
        "tax": (1.1, 1700),
        "(apple * apple_count + banana * banana_count) * tax": (1870.0000000000002, 1),
    }


def test_two_apples_and_five_bananas_taxed_one_by_one(edges):
    formula = "apples * tax + bananas * tax"

    assert edges(formula, "apples=200", "bananas=1500", "tax=1.1") == {
        "apples": (200, 1.1),
        "tax": (1.1, 200),
        "bananas": (1500, 1.1),
        ("tax", "bananas * tax"): (1.1, 1500),
        "apples * tax": (220.00000000000003, 1),
        "bananas * tax": (1650.0000000000002, 1),
        "apples * tax + bananas * tax": (1870.0000000000002, 1),
    }


@pytest.mark.parametrize("x", [-30.0, -2.5, -1e-9, 0.0, 0.3, 1.0, 7.0, 36.0])
def test_a_sigmoid_built_from_its_nodes_is_the_sigmoid_layer(edges, x):
    built = edges("1 / (1 + exp(-x))", f"x={x}")
    layer = Sigmoid()

    assert math.isclose(built["1 / (1 + exp(-x))"][0], layer.forward(x), rel_tol=0, abs_tol=1e-15)
    assert math.isclose(built["x"][1], layer.backward(1.0), rel_tol=0, abs_tol=1e-15)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("apple", "220.00000000000003"),
        ("apple-orange", "715.0000000000001"),
        ("apple-banana", "1870.0000000000002"),
        ("sigmoid", "0.7310585786300049"),
    ],
)
def test_a_graph_of_the_chapter_is_printed_with_all_digits(command, name, value):
    done = command("explain", name)

    assert value in done.stdout
    assert done.stderr == ""
