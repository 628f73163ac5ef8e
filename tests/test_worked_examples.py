"""The graphs of the chapter, number by number: every edge's value and gradient."""

import math
import subprocess
import sys

import pytest
import worked_examples
from worked_examples import apple, apple_and_banana, apple_and_orange, taxed_one_by_one

from mnist_bp.layers import Sigmoid


def edges(graph):
    return {edge.name: (edge.value, edge.gradient) for edge in graph}


def test_two_apples():
    assert edges(apple()) == {
        "apple price": (100, 2.2),
        "apple count": (2, 110.00000000000001),
        "apples": (200, 1.1),
        "tax": (1.1, 200),
        "total": (220.00000000000003, 1),
    }


def test_two_apples_and_three_oranges():
    assert edges(apple_and_orange()) == {
        "apple price": (100, 2.2),
        "apple count": (2, 110.00000000000001),
        "orange price": (150, 3.3000000000000003),
        "orange count": (3, 165.0),
        "apples": (200, 1.1),
        "oranges": (450, 1.1),
        "both": (650, 1.1),
        "tax": (1.1, 650),
        "total": (715.0000000000001, 1),
    }


def test_two_apples_and_five_bananas():
    assert edges(apple_and_banana()) == {
        "apple price": (100, 2.2),
        "apple count": (2, 110.00000000000001),
        "banana price": (300, 5.5),
        "banana count": (5, 330.0),
        "apples": (200, 1.1),
        "bananas": (1500, 1.1),
        "both": (1700, 1.1),
        "tax": (1.1, 1700),
        "total": (1870.0000000000002, 1),
    }


def test_two_apples_and_five_bananas_taxed_one_by_one():
    assert edges(taxed_one_by_one()) == {
        "apples": (200, 1.1),
        "tax on apples": (1.1, 200),
        "bananas": (1500, 1.1),
        "tax on bananas": (1.1, 1500),
        "taxed apples": (220.00000000000003, 1),
        "taxed bananas": (1650.0000000000002, 1),
        "total": (1870.0000000000002, 1),
    }


@pytest.mark.parametrize("x", [-30.0, -2.5, -1e-9, 0.0, 0.3, 1.0, 7.0, 36.0])
def test_a_sigmoid_built_from_its_nodes_is_the_sigmoid_layer(x):
    built = edges(worked_examples.sigmoid(x))
    layer = Sigmoid()

    assert math.isclose(built["y"][0], layer.forward(x), rel_tol=0, abs_tol=1e-15)
    assert math.isclose(built["x"][1], layer.backward(1.0), rel_tol=0, abs_tol=1e-15)


def test_the_script_prints_every_graph():
    printed = subprocess.run(
        [sys.executable, worked_examples.__file__], capture_output=True, text=True, check=True
    )

    for number in ("220.00000000000003", "715.0000000000001", "1870.0000000000002"):
        assert number in printed.stdout
    assert printed.stderr == ""
