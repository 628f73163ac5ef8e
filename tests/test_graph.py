"""The graph of a formula: values, gradients, what it accepts, and its pictures."""

import cmath
import math
import os
import re
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from mnist_bp import Graph
from mnist_bp.diagram import Diagram, cells
from mnist_bp.errors import GraphError, UsageError
from mnist_bp.layers import Add, Exp, Log, Multiply, Reciprocal, ReLU, Sigmoid

SVG = "{http://www.w3.org/2000/svg}"
SHOPPING = "(apple * 2 + orange * 3) * tax"
PRICES = {"apple": 100, "orange": 150, "tax": 1.1}


def layers(formula, **values):
    return [type(node.layer) for node in Graph(formula, **values).nodes if node.layer]


def test_a_formula_has_a_value_and_gradients():
    graph = Graph(SHOPPING, **PRICES)

    assert graph.value == 715.0000000000001
    assert graph.backward() == {"apple": 2.2, "orange": 3.3000000000000003, "tax": 650}
    assert graph.gradients == graph.backward()


def test_the_repr_shows_the_formula_its_value_and_the_values_of_the_names():
    assert repr(Graph("a*2+b", a=1, b=0.5)) == "<Graph a * 2 + b = 2.5, a=1.0, b=0.5>"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a + b", [Add]),
        ("a - b", [Multiply, Add]),
        ("a * b", [Multiply]),
        ("a / b", [Reciprocal, Multiply]),
        ("1 / b", [Reciprocal]),
        ("-b", [Multiply]),
        ("b**3", [Multiply, Multiply]),
        ("b**-2", [Multiply, Reciprocal]),
        ("exp(b)", [Exp]),
        ("log(b)", [Log]),
        ("relu(b)", [ReLU]),
        ("sigmoid(b)", [Sigmoid]),
    ],
)
def test_a_graph_is_built_of_the_layers_of_the_chapter(formula, expected):
    values = {"a": 3, "b": 2} if "a " in formula else {"b": 2}

    assert layers(formula, **values) == expected


def test_a_name_used_twice_is_one_node_whose_gradient_is_the_sum_of_its_edges():
    graph = Graph("x * y + x", x=2, y=5)
    graph.backward()
    x = graph.names["x"]

    assert [edge.gradient for edge in x.outputs] == [5, 1]
    assert x.gradient == graph.gradients["x"] == 6
    assert sum(node.label == "x" for node in graph.nodes) == 1


@pytest.mark.parametrize(
    ("formula", "value", "gradient"),
    [
        ("x**0", 1, 0),
        ("x**1", 3, 1),
        ("x**4", 81, 108),
        ("x**-1", 1 / 3, -1 / 9),
        ("-x**2", -9, -6),
    ],
)
def test_powers(formula, value, gradient):
    graph = Graph(formula, x=3)

    assert graph.value == pytest.approx(value, rel=1e-15)
    assert graph.backward()["x"] == pytest.approx(gradient, rel=1e-15)


def test_the_base_of_a_power_is_computed_once():
    assert layers("(x + 1)**3", x=1) == [Add, Multiply, Multiply]


def test_new_values_forget_the_gradients():
    graph = Graph("x * y", x=2, y=5)
    graph.backward()

    assert graph.forward(x=3) == 15
    with pytest.raises(GraphError, match=r"call backward\(\) first"):
        graph.gradients  # noqa: B018
    assert graph.backward() == {"x": 5, "y": 3}


def test_after_a_forward_that_failed_there_is_no_backward():
    graph = Graph("1 / x + 2", x=1)

    with pytest.raises(GraphError, match="division by zero"):
        graph.forward(x=0)
    with pytest.raises(GraphError, match=r"call forward\(\) first"):
        graph.backward()
    assert graph.forward(x=2) == 2.5
    assert graph.backward() == {"x": -0.25}


NAMES = {"x": 0.7, "y": -1.3, "z": 1.9}


def bracketed(part):
    return part.map(lambda text: f"({text})")


def larger(part):
    """Return formulas that have some formulas as their parts, with brackets or without."""
    either = st.one_of(part, bracketed(part))
    operations = st.sampled_from([" + ", " - ", "*", "/", "-", "+"])
    return st.one_of(
        st.tuples(either, operations, either).map("".join),
        either.map("-{}".format),
        st.builds("{}({})".format, st.sampled_from(["exp", "log", "relu", "sigmoid"]), part),
        st.builds("{}**{}".format, bracketed(part), st.integers(-3, 5)),
    )


def formulas(depth=6):
    leaf = st.one_of(
        st.sampled_from(list(NAMES)),
        st.integers(0, 9).map(str),
        st.floats(0.1, 4).map(lambda number: f"{number:.3g}"),
    )
    return leaf if depth == 0 else st.one_of(leaf, larger(formulas(depth - 1)))


def evaluate(formula, values):
    """Compute a formula by Python itself, in floats or in complex numbers."""
    on_kink = []

    def relu(z):
        on_kink.append(complex(z).real == 0)
        return z if complex(z).real > 0 else 0 * z

    def log(z):
        assume(complex(z).real > 0)
        return cmath.log(z) if isinstance(z, complex) else math.log(z)

    def exp(z):
        return cmath.exp(z) if isinstance(z, complex) else math.exp(z)

    functions = {"exp": exp, "log": log, "relu": relu, "sigmoid": lambda z: 1 / (1 + exp(-z))}
    try:
        result = eval(formula, {"__builtins__": {}}, values | functions)
    except (OverflowError, ZeroDivisionError):
        assume(False)
    assume(not any(on_kink))
    return result


@settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(larger(formulas(5)), st.tuples(*[st.floats(-3, 3)] * 3))
def test_random_formulas_agree_with_python_and_with_the_complex_step(formula, numbers):
    names = [name for name in NAMES if re.search(rf"\b{name}\b", formula)]
    values = dict(zip(names, numbers, strict=False))
    expected = evaluate(formula, values)
    try:
        graph = Graph(formula, **values)
        gradients = graph.backward()
    except GraphError as error:
        # Of a number below about 1e-308, the reciprocal is too large.
        assume("too large" not in str(error) and "nearly zero" not in str(error))
        raise
    # Digits that cancel are lost in any order of computation.
    sizes = [abs(each) for edge in graph.edges for each in (edge.source.value, edge.gradient)]
    assume(max(sizes) < 1e5)

    assert abs(graph.value - expected) <= 1e-9 * max(1, abs(expected))
    step = 1e-100
    for name, gradient in gradients.items():
        moved = evaluate(formula, values | {name: complex(values[name], step)})
        derivative = complex(moved).imag / step
        assert abs(gradient - derivative) <= 1e-9 * max(1, abs(derivative))


HOSTILE = {
    "attribute": "x.__class__",
    "attributes of a number": "(1).__class__.__bases__[0].__subclasses__()",
    "call": "__import__('os').system('true')",
    "call of a name": "print(x)",
    "call with keywords": "exp(x=1)",
    "call with a star": "exp(*x)",
    "call of a call": "exp(x)(x)",
    "two arguments": "exp(x, x)",
    "lambda": "(lambda: 1)()",
    "comprehension": "[x for x in (1, 2)]",
    "f-string": "f'{x}'",
    "string": "'x' * 10**9",
    "walrus": "(x := 3)",
    "conditional": "1 if x else 2",
    "comparison": "x < 1",
    "other operator": "x ^ 2",
    "power of a power": "9**9**9",
    "large power": "x**1000000000",
    "negative large power": "x**-1000000000",
    "fractional power": "x**0.5",
    "true": "True",
    "power of true": "x**True",
    "true over x": "True / x",
    "complex": "3j",
    "large number": "9" * 1900,
    "infinite number": "1e999",
    "too many digits": "9" * 5000,
    "a million characters": "x+" * 500_000 + "x",
    "deep brackets": "(" * 100_000 + "x" + ")" * 100_000,
    "deep minus": "-" * 100_000 + "x",
    "less deep brackets": "(" * 500 + "x" + ")" * 500,
    "less deep minus": "-" * 1500 + "x",
    "long sum": "x+" * 500 + "x",
    "nested powers": "((((x**60)**60)**60)**60)**60",
    "nothing": "",
    "space": "  \n ",
    "escape code": "\x1b[31mx",
    "escape code in a string": "'\x1b[31m'",
    "right to left": "x\u202e + 1",
    "zero": "x\0",
    "half a character": "x\udc80",
    "statement": "import os",
    "two statements": "x; x",
    "assignment": "x = 1",
    "comment": "# x",
    "unclosed": "(x",
    "no operator": "x x",
    "function as a name": "exp * x",
}


@pytest.mark.parametrize("formula", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_one_short_message(formula):
    with pytest.raises(GraphError) as raised:
        Graph(formula, x=1)

    message = str(raised.value)
    assert isinstance(raised.value, UsageError)
    assert len(message) < 400
    assert all(each.isprintable() or each == "\n" for each in message)


@pytest.mark.posix
def test_hostile_formulas_need_little_memory():
    script = """if True:
        import resource
        from test_graph import HOSTILE, Graph, GraphError
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for formula in HOSTILE.values():
            try:
                Graph(formula, x=1)
            except GraphError:
                pass
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert int(done.stdout) < 50_000


def test_an_error_points_at_the_place():
    with pytest.raises(GraphError) as raised:
        Graph("りんご + x.real * 2", x=1)

    _, shown, pointer = str(raised.value).splitlines()
    assert shown == "  りんご + x.real * 2"
    # Each Japanese letter takes two columns of a terminal.
    assert pointer == "  " + " " * len("らrりrごr + ") + "^"


def test_a_long_formula_is_shown_around_the_place_of_an_error():
    with pytest.raises(GraphError) as raised:
        Graph("x + " * 50 + "x.real" + " + x" * 40, x=1)

    _, shown, pointer = str(raised.value).splitlines()
    assert len(shown) < 80
    assert shown[pointer.index("^") :].startswith("x.real")


@pytest.mark.parametrize(
    ("formula", "place", "hint"),
    [
        ("1 + x^2", "^", "write a power as x ** 2 or x * x"),
        ("x² + 1", "²", "write a power as x ** 2 or x * x"),
        ("1 + 2x", "2x", "write a product as 2 * x"),
        ("apple × 2", "×", "write the signs as + - * /"),
        ("x - 1.5relu(x)", "1.5relu", "write a product as 2 * x"),
        ("1 + 2(x + 1)", "2(", "write a product as 2 * x"),
        ("(x + 1)(x - 1)", ")(", "write a product as 2 * x"),
        ("x = 1", "=", "the values follow it, such as x=-1"),
        ("x + b, b = -1", "=", "the values follow it, such as x=-1"),
        ("2 * max(x, 0)", "max", "write max(x, 0) as relu(x)"),
        ("1e5 * x.real", "x.real", "it may only have"),
        ("x1e5(2)", "x1e5", "it may only have"),
    ],
)
def test_what_is_written_otherwise_here_has_a_hint_at_its_place(formula, place, hint):
    with pytest.raises(GraphError) as raised:
        Graph(formula, x=1)

    problem, shown, pointer = str(raised.value).splitlines()
    assert hint in problem
    assert shown[pointer.index("^") :].startswith(place)


@pytest.mark.parametrize(
    ("formula", "values", "message"),
    [
        ("x * y", {}, "these names need a value, such as x=1.5: x, y"),
        ("x * y", {"y": 1}, "these names need a value, such as x=1.5: x"),
        ("x", {"x": 1, "y": 2}, "'y' is not in the formula, whose names are: x"),
        ("1", {"\x1b[31m": 2}, r"'\x1b[31m' is not in the formula, whose names are: none"),
        ("x", {"x": math.nan}, "x must be a finite number, not 'nan'"),
        ("x", {"x": "1e999"}, "x must be a finite number, not '1e999'"),
        ("x", {"x": None}, "x must be a finite number, not 'None'"),
        ("x", {"x": [1]}, "x must be a finite number, not '[1]'"),
        ("1 / (a - b)", {"a": 2, "b": 2}, "division by zero or nearly zero (a - b = 0.0)"),
        ("log(a)", {"a": -1}, "log(a): log needs a positive number (a = -1.0)"),
        ("exp(a)", {"a": 1000}, "exp(a): the result is too large a number (a = 1000.0)"),
        ("a * a", {"a": 1e200}, "a * a: the result is too large a number (a = 1e+200)"),
    ],
)
def test_values_that_cannot_be_used_are_named(formula, values, message):
    with pytest.raises(GraphError, match=re.escape(message)):
        Graph(formula, **values)


def test_a_gradient_that_is_too_large_is_named():
    graph = Graph("1 / x", x=1e-200)

    with pytest.raises(GraphError, match="x: the gradient is too large"):
        graph.backward()


def test_names_may_be_of_any_script():
    assert Graph("りんご * 사과", りんご=2, 사과=3).backward() == {"りんご": 3, "사과": 2}


def test_names_are_normalised_as_in_python():
    # A ligature and half-width letters: Python takes both for the plain letters.
    assert Graph("ﬁ + ﾘﾝｺﾞ", **{"fi": 1, "リンゴ": 2}).value == 3
    assert Graph("fi + リンゴ", **{"ﬁ": 1, "ﾘﾝｺﾞ": 2}).value == 3


def test_a_name_may_be_that_of_a_parameter():
    assert Graph("self * formula", self=2, formula=3).value == 6


def drawn(formula, **values):
    graph = Graph(formula, **values)
    graph.backward()
    return Diagram(graph.nodes).text().splitlines()


def test_the_drawing_has_values_above_and_gradients_below():
    assert drawn("(a + 2) * b", a=1, b=5) == [
        "   1      3      15",
        "a ──── + ──── × ──────",
        "   5   │  5   │  1",
        "       │      │",
        "   2   │      │",
        "2 ─────╯      │",
        "   5          │",
        "              │",
        "   5          │",
        "b ────────────╯",
        "   3",
    ]


def test_a_name_that_is_used_twice_is_drawn_once_with_the_sum_of_its_gradients():
    assert drawn("(x + y) * x", x=1, y=5) == [
        "         1      6      6",
        "    x ─┬──── + ──── × ─────",
        "sum 7  │ 1   │  1   │  1",
        "       │     │      │",
        "       │ 5   │      │",
        "    y ─│─────╯      │",
        "       │ 1          │",
        "       │            │",
        "       │ 1          │",
        "       ╰────────────╯",
        "         6",
    ]


def line_cells(path):
    """Return the cells of a terminal through which a line goes."""
    for (x, y), (to_x, to_y) in pairwise(path):
        columns, rows = sorted((x, to_x)), sorted((y, to_y))
        for column in range(columns[0], columns[1] + 1):
            yield from ((column, row) for row in range(rows[0], rows[1] + 1))


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(
    larger(formulas(5)),
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.sampled_from(["x", "a_name_that_is_rather_long", "りんごの値段"]),
)
def test_no_label_of_a_drawing_touches_another_label_or_a_line(formula, numbers, name):
    formula = re.sub(r"\bx\b", name, formula)
    names = [each for each in (name, "y", "z") if re.search(rf"\b{each}\b", formula)]
    try:
        graph = Graph(formula, **dict(zip(names, numbers, strict=False)))
        graph.backward()
    except GraphError:
        assume(False)
    drawing = Diagram(graph.nodes)

    labels = [
        (column, y)
        for x, y, text, _ in drawing.labels
        # With a cell of white on both sides.
        for column in range(x - 1, x + cells(text) + 1)
    ]
    assert len(labels) == len(set(labels))
    assert set(labels).isdisjoint(cell for path in drawing.paths for cell in line_cells(path))
    lines = drawing.text().splitlines()
    assert max(map(cells, lines)) == drawing.width
    assert all(text in lines[y] for _, y, text, _ in drawing.labels)


@pytest.mark.parametrize("text", ["りんご", "사과", "tax", "e\u0301"])
def test_the_width_of_a_text_is_that_of_the_terminal(text):
    assert cells(text) == cell_len(text)


def texts_of_svg(graph, kind):
    root = ElementTree.fromstring(graph._repr_svg_())
    return [each.text for each in root.iter(f"{SVG}text") if each.get("class") == kind]


def test_a_picture_has_the_names_operations_and_values_as_text():
    graph = Graph(SHOPPING, **PRICES)

    assert texts_of_svg(graph, "name") == ["apple", "2", "orange", "3", "tax"]
    assert texts_of_svg(graph, "box") == ["×", "×", "+", "×"]
    values = ["100", "2", "150", "3", "1.1", "200", "450", "650", "715"]
    assert texts_of_svg(graph, "value") == values


def test_a_picture_shows_gradients_only_after_backward():
    graph = Graph(SHOPPING, **PRICES)
    assert texts_of_svg(graph, "gradient") == []

    graph.backward()
    gradients = ["2.2", "110", "3.3", "165", "650", "1.1", "1.1", "1.1", "1"]
    assert texts_of_svg(graph, "gradient") == gradients

    graph.forward(apple=200)
    assert texts_of_svg(graph, "gradient") == []


def test_a_picture_shows_the_sum_of_the_gradients_of_a_name():
    graph = Graph("x * y + x", x=2, y=5)
    assert "sum" not in graph._repr_svg_()

    graph.backward()
    assert "sum 6" in texts_of_svg(graph, "gradient")


def test_a_picture_needs_nothing_from_elsewhere_and_runs_nothing():
    picture = Graph("a - b", a=1, b=2)._repr_svg_()

    assert re.findall(r"(?:href|src|@import|<script|url\((?!#))", picture) == []
    assert re.findall(r"https?://[^\"]*", picture) == ["http://www.w3.org/2000/svg"]
