"""The chapter's worked examples, as tables: the value and the gradient on every edge of the graph.

    .venv/bin/python scripts/worked_examples.py

Each function builds its graph from the layers as the chapter draws it, goes forward and then
backward, and returns the edges in the order in which the forward pass reaches them.
"""

from typing import NamedTuple

from mnist_bp.cli import console
from mnist_bp.layers import Add, Exp, Multiply, Reciprocal


class Edge(NamedTuple):
    """One arrow of a graph: what flows along it forward, and the gradient that comes back."""

    name: str
    value: float
    gradient: float


def apple() -> list[Edge]:
    """Buy two apples."""
    price, count, tax = 100, 2, 1.1
    buy, add_tax = Multiply(), Multiply()

    cost = buy.forward(price, count)
    total = add_tax.forward(cost, tax)

    dtotal = 1
    dcost, dtax = add_tax.backward(dtotal)
    dprice, dcount = buy.backward(dcost)

    return [
        Edge("apple price", price, dprice),
        Edge("apple count", count, dcount),
        Edge("apples", cost, dcost),
        Edge("tax", tax, dtax),
        Edge("total", total, dtotal),
    ]


def two_fruits(other: str, other_price: float, other_count: int) -> list[Edge]:
    """Buy two apples and some of another fruit, and tax them together."""
    price, count, tax = 100, 2, 1.1
    buy_apples, buy_others, add, add_tax = Multiply(), Multiply(), Add(), Multiply()

    cost = buy_apples.forward(price, count)
    other_cost = buy_others.forward(other_price, other_count)
    both = add.forward(cost, other_cost)
    total = add_tax.forward(both, tax)

    dtotal = 1
    dboth, dtax = add_tax.backward(dtotal)
    dcost, dother_cost = add.backward(dboth)
    dother_price, dother_count = buy_others.backward(dother_cost)
    dprice, dcount = buy_apples.backward(dcost)

    return [
        Edge("apple price", price, dprice),
        Edge("apple count", count, dcount),
        Edge(f"{other} price", other_price, dother_price),
        Edge(f"{other} count", other_count, dother_count),
        Edge("apples", cost, dcost),
        Edge(f"{other}s", other_cost, dother_cost),
        Edge("both", both, dboth),
        Edge("tax", tax, dtax),
        Edge("total", total, dtotal),
    ]


def apple_and_orange() -> list[Edge]:
    """Two apples and three oranges: the chapter's figure."""
    return two_fruits("orange", 150, 3)


def apple_and_banana() -> list[Edge]:
    """Two apples and five bananas, taxed together."""
    return two_fruits("banana", 300, 5)


def taxed_one_by_one() -> list[Edge]:
    """Two apples and five bananas, each taxed by itself: the total is the same."""
    cost_of_apples, cost_of_bananas, tax = 100 * 2, 300 * 5, 1.1
    tax_apples, tax_bananas, add = Multiply(), Multiply(), Add()

    apples = tax_apples.forward(cost_of_apples, tax)
    bananas = tax_bananas.forward(cost_of_bananas, tax)
    total = add.forward(apples, bananas)

    dtotal = 1
    dapples, dbananas = add.backward(dtotal)
    dcost_of_bananas, dtax_of_bananas = tax_bananas.backward(dbananas)
    dcost_of_apples, dtax_of_apples = tax_apples.backward(dapples)

    return [
        Edge("apples", cost_of_apples, dcost_of_apples),
        Edge("tax on apples", tax, dtax_of_apples),
        Edge("bananas", cost_of_bananas, dcost_of_bananas),
        Edge("tax on bananas", tax, dtax_of_bananas),
        Edge("taxed apples", apples, dapples),
        Edge("taxed bananas", bananas, dbananas),
        Edge("total", total, dtotal),
    ]


def sigmoid(x: float = 1.0) -> list[Edge]:
    """Compute `1 / (1 + exp(-x))` node by node."""
    negate, exponentiate, add_one, invert = Multiply(), Exp(), Add(), Reciprocal()

    negative = negate.forward(x, -1)
    exponential = exponentiate.forward(negative)
    denominator = add_one.forward(exponential, 1)
    y = invert.forward(denominator)

    dy = 1
    ddenominator = invert.backward(dy)
    dexponential, _ = add_one.backward(ddenominator)
    dnegative = exponentiate.backward(dexponential)
    dx, _ = negate.backward(dnegative)

    return [
        Edge("x", x, dx),
        Edge("-x", negative, dnegative),
        Edge("exp(-x)", exponential, dexponential),
        Edge("1 + exp(-x)", denominator, ddenominator),
        Edge("y", y, dy),
    ]


GRAPHS = {
    "2 apples": apple,
    "2 apples and 3 oranges": apple_and_orange,
    "2 apples and 5 bananas": apple_and_banana,
    "2 apples and 5 bananas, taxed one by one": taxed_one_by_one,
    "sigmoid, built from its nodes": sigmoid,
}


def main() -> None:
    """Print all graphs."""
    for title, graph in GRAPHS.items():
        rows = [(edge.name, str(edge.value), str(edge.gradient)) for edge in graph()]
        console.table(console.results(), title, ("edge", "value", "gradient"), rows)


if __name__ == "__main__":
    main()
