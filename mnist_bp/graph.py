"""The computation graph of a formula: values flow forward along its edges, gradients backward.

    graph = Graph("(apple * 2 + orange * 3) * tax", apple=100, orange=150, tax=1.1)
    graph.value         # 715.0000000000001
    graph.backward()    # {"apple": 2.2, "orange": 3.3000000000000003, "tax": 650.0}

The nodes are the layers of `layers.py`. `a - b` is Add and Multiply by -1, `a / b` is Multiply and
Reciprocal (`1 / b` Reciprocal alone), and a power from 2 on is a product of its factors. A name
that is used twice is one node with two edges: its gradient is the sum of those of its edges.

The formula is parsed with `ast`, and never evaluated by Python.
"""

import ast
import contextlib
import math
import re
import unicodedata
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnist_bp.diagram import Diagram, cells
from mnist_bp.errors import GraphError
from mnist_bp.layers import Add, Exp, Log, Multiply, Reciprocal, ReLU, Sigmoid

FUNCTIONS: dict[str, Any] = {"exp": Exp, "log": Log, "relu": ReLU, "sigmoid": Sigmoid}
LAYERS = {"+": Add, "×": Multiply, "1/x": Reciprocal, **FUNCTIONS}
SYNTAX = "numbers, names, + - * /, x**2, brackets, exp(x), log(x), relu(x), sigmoid(x)"
UNDEFINED = {"1/x": "division by zero or nearly zero", "log": "log needs a positive number"}
HINTS = {
    r"[\^²³]": "write a power as x ** 2 or x * x",
    # A number before a letter or a bracket, but not 1e5; or something that follows a bracket.
    r"(?<![\w.])[\d.]+(?![eE][+-]?\d)(?=[^\W\d_]|\()|\)\s*[\w(]": "write a product as 2 * x",
    r"[×·÷]": "write the signs as + - * /",
    r"=": "a formula has no equals sign; the values follow it, such as x=-1",
    r"\bmax\b": "write max(x, 0) as relu(x)",
}
"""What formulas often have elsewhere, and how to write it here."""
MAX_LENGTH, MAX_DEPTH = 2_000, 100


@dataclass(eq=False)
class Node:
    """A name, a number, or an operation.

    Attributes
    ----------
    label : str
        The name, the number, or the sign of the operation.
    text : str
        The part of the formula whose value this is.
    layer : object
        The layer that computes the value; None for a name and a number.
    inputs, outputs : lists of Edge
    value : float
        NaN before `forward`.
    """

    label: str
    text: str
    layer: Any = None
    inputs: "list[Edge]" = field(default_factory=list)
    outputs: "list[Edge]" = field(default_factory=list)
    value: float = math.nan

    @property
    def gradient(self) -> float:
        """The sum of the gradients of all edges that start here; NaN before `backward`."""
        return sum(edge.gradient for edge in self.outputs)


@dataclass(eq=False)
class Edge:
    """A directed edge from a node to another, or out of the graph, where `target` is None.

    Attributes
    ----------
    gradient : float
        The gradient that comes back along this edge; NaN before `backward`.
    """

    source: Node
    target: Node | None
    gradient: float = math.nan

    def __post_init__(self) -> None:
        self.source.outputs.append(self)


class Graph:
    """A formula as a graph of layers. `forward` has run when it is made, `backward` has not.

    Parameters
    ----------
    formula : str
        Numbers, names in any script, `+ - * /`, brackets, powers `**` with a whole number, and the
        functions `exp`, `log`, `relu` and `sigmoid`.
    **values : float
        A finite number for each name in the formula.

    Attributes
    ----------
    nodes : list of Node
        In the order of the forward pass; the last one is the result.
    names : dict of Node
        The nodes of the names.

    Raises
    ------
    GraphError
        As in `forward`, or the formula cannot be read. The message points at the place.
    """

    def __init__(self, formula: str, /, **values: float | str) -> None:
        self.nodes: list[Node] = []
        self.names: dict[str, Node] = {}
        self._source = " ".join(formula.split())
        self._built: dict[ast.expr | str, Node] = {}
        self._result = Edge(self._build(self._parse()), None)
        self.forward(**values)

    def __repr__(self) -> str:
        values = "".join(f", {name}={node.value!r}" for name, node in self.names.items())
        return f"<Graph {self.formula} = {self.value!r}{values}>"

    def _repr_svg_(self) -> str:
        return Diagram(self.nodes).svg(self.formula)

    @property
    def formula(self) -> str:
        """The formula, as Python would write it."""
        return self.nodes[-1].text

    @property
    def value(self) -> float:
        """The value of the formula."""
        return self.nodes[-1].value

    @property
    def edges(self) -> list[Edge]:
        """All edges, in the order in which the forward pass reaches them."""
        return [edge for node in self.nodes for edge in node.outputs]

    @property
    def gradients(self) -> dict[str, float]:
        """The gradient of the formula with respect to each name.

        Raises
        ------
        GraphError
            `backward` has not run since the last `forward`.
        """
        if math.isnan(self._result.gradient):
            raise GraphError("there are no gradients yet: call backward() first")
        return {name: node.gradient for name, node in self.names.items()}

    def forward(self, /, **values: float | str) -> float:
        """Compute the value of every node; a name without a new value keeps the one it has.

        Raises
        ------
        GraphError
            A value is missing, is not a finite number, or belongs to no name of the formula; or a
            node has no finite value.
        """
        for edge in self.edges:
            edge.gradient = math.nan
        for name, value in values.items():
            # In the formula, `ast` has normalised the names.
            node = self.names.get(unicodedata.normalize("NFKC", name))
            if not node:
                names = ", ".join(self.names) or "none"
                raise GraphError(f"{name[:50]!r} is not in the formula, whose names are: {names}")
            node.value = _finite(value, name)
        if missing := [name for name, node in self.names.items() if math.isnan(node.value)]:
            example = f"such as {missing[0]}=1.5"
            raise GraphError(f"these names need a value, {example}: {', '.join(missing)}")
        with np.errstate(all="ignore"):
            for node in self.nodes:
                if node.layer:
                    operands = [edge.source for edge in node.inputs]
                    node.value = float(node.layer.forward(*(np.float64(o.value) for o in operands)))
                    if not math.isfinite(node.value):
                        self.nodes[-1].value = math.nan
                        problem = UNDEFINED.get(node.label, "the result is too large a number")
                        given = f"{operands[0].text[:80]} = {operands[0].value!r}"
                        raise GraphError(f"{node.text[:80]}: {problem} ({given})")
        return self.value

    def backward(self) -> dict[str, float]:
        """Send the gradient 1 back from the result, and return `gradients`.

        Raises
        ------
        GraphError
            The last `forward` failed, or a gradient is too large for a floating-point number.
        """
        if math.isnan(self.value):
            raise GraphError("there are no values yet: call forward() first")
        self._result.gradient = 1.0
        with np.errstate(all="ignore"):
            for node in reversed(self.nodes):
                if not math.isfinite(node.gradient):
                    self._result.gradient = math.nan
                    raise GraphError(f"{node.text[:80]}: the gradient is too large to compute")
                if node.layer:
                    dout = node.layer.backward(np.float64(node.gradient))
                    for edge, gradient in zip(node.inputs, np.atleast_1d(dout), strict=True):
                        edge.gradient = float(gradient)
        return self.gradients

    def _parse(self) -> ast.expr:
        if not 0 < len(self._source) <= MAX_LENGTH:
            problem = f"1 to {MAX_LENGTH:,} characters, not {len(self._source):,}"
            raise GraphError(f"the formula must have {problem}")
        try:
            with warnings.catch_warnings(action="ignore"):
                return ast.parse(self._source, mode="eval").body
        except SyntaxError as error:
            raise self._error(error.msg, (error.offset or 1) - 1) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise self._error("it is nested too deeply, or is not text", 0) from error

    def _error(self, problem: str, at: int) -> GraphError:
        """Return an error that shows the formula around a place, and points at it.

        A place that has a hint is a better one than the place where the parser had to stop.
        """
        for pattern, hint in HINTS.items():
            if found := re.search(pattern, self._source):
                problem, at = hint, found.start()
                break
        near = self._source[max(0, at - 30) : at + 25]
        shown = "".join(each if each.isprintable() else "?" for each in near)
        pointer = " " * cells(shown[: min(at, 30)]) + "^"
        first = f"the formula cannot be read here: {problem}"
        return GraphError(first, f"  {shown}", f"  {pointer}")

    def _build(self, tree: ast.expr, depth: int = 0) -> Node:
        """Return the node of a part of the formula, after adding it and those it needs."""
        key = tree.id if isinstance(tree, ast.Name) else tree
        if depth > MAX_DEPTH:
            raise GraphError(f"the formula is more than {MAX_DEPTH} operations deep")
        if key not in self._built:
            label, operands = self._read(tree)
            sources = [self._build(operand, depth + 1) for operand in operands]
            node = self._built[key] = Node(label, ast.unparse(tree))
            node.inputs = [Edge(source, node) for source in sources]
            self.nodes.append(node)
            if isinstance(tree, ast.Name):
                self.names[label] = node
            elif operands:
                node.layer = LAYERS[label]()
            else:
                node.value = _finite(label, "a number in the formula")
        return self._built[key]

    def _read(self, tree: ast.expr) -> tuple[str, list[ast.expr]]:
        """Return the label of a part of the formula, and its operands."""
        match tree:
            case ast.Name(name) if name not in FUNCTIONS:
                return name, []
            case ast.Constant(number) if type(number) in (int, float):
                return ast.unparse(tree), []
            case ast.UnaryOp(ast.USub(), operand):
                return "×", [operand, ast.Constant(-1)]
            case ast.BinOp(left, ast.Add() | ast.Mult() as sign, right):
                return "+" if isinstance(sign, ast.Add) else "×", [left, right]
            case ast.BinOp(left, ast.Sub(), right):
                return "+", [left, ast.UnaryOp(ast.USub(), right)]
            # In Python, True == 1.
            case ast.BinOp(ast.Constant(1 as one), ast.Div(), right) if one is not True:
                return "1/x", [right]
            case ast.BinOp(left, ast.Div(), right):
                return "×", [left, ast.BinOp(ast.Constant(1), ast.Div(), right)]
            case ast.BinOp(left, ast.Pow(), ast.UnaryOp(ast.USub(), ast.Constant(int(power)))):
                return "1/x", [_raised(left, power)]
            case ast.BinOp(left, ast.Pow(), ast.Constant(int(power)) as right):
                if power < 2:  # x**0 is x * 0 + 1, and x**1 is x * 1 + 0.
                    return "+", [ast.BinOp(left, ast.Mult(), right), ast.Constant(1 - power)]
                return "×", [_raised(left, power - 1), left]
            case ast.Call(ast.Name(name), [operand], []) if name in FUNCTIONS:
                return name, [operand]
        at = len(self._source.encode()[: tree.col_offset].decode())
        raise self._error(f"it may only have {SYNTAX}", at)


def _raised(base: ast.expr, power: int) -> ast.expr:
    return base if power == 1 else ast.BinOp(base, ast.Pow(), ast.Constant(power))


def _finite(value: float | str, name: str) -> float:
    """Return a value as a float, if it is a finite number."""
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        if math.isfinite(number := float(value)):
            return number
    raise GraphError(f"{name[:50]} must be a finite number, not {str(value)[:50]!r}")
