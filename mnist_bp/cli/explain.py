"""Draw the computation graph of a formula: values forward, gradients backward."""

import contextlib
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand

from mnist_bp.cli import messages
from mnist_bp.cli.options import Json, option, starting_with
from mnist_bp.cli.outputs import check_outputs, save
from mnist_bp.errors import CheckError, GraphError

if TYPE_CHECKING:
    from rich.console import Console

    from mnist_bp.graph import Edge, Graph

SHOP = "(apple*apple_count+{0}*{0}_count)*tax apple=100 apple_count=2 {0}={1} {0}_count={2} tax=1.1"
BUILT_IN = {
    "apple": "apple*apple_count*tax apple=100 apple_count=2 tax=1.1",
    "apple-orange": SHOP.format("orange", 150, 3),
    "apple-banana": SHOP.format("banana", 300, 5),
    "sigmoid": "1/(1+exp(-x)) x=1",
}
"""The graphs of the chapter: formula and values, as one would type them."""

NOT_OPTION = re.compile(r"^-(?!h\Z|-([a-z]{1,20}(=.*)?)?\Z)", re.DOTALL)
"""The minus sign with which a word begins that is not an option."""

TOLERANCE = 1e-7
ASCII = str.maketrans("─│╯╰├┬", "-|''+.")
Checks: TypeAlias = dict[str, tuple[float, str]]
"""The difference quotient of each name, NaN on a kink of ReLU, and what that says in a word."""

FORMULA = typer.Argument(
    help="Numbers, names, + - * /, powers such as x**2, brackets, exp(x), log(x), relu(x), "
    f"sigmoid(x); or a graph of the chapter: {', '.join(BUILT_IN)}.",
    metavar="EXPRESSION|NAME",
    autocompletion=starting_with(BUILT_IN),
)
VALUES = typer.Argument(help="A value for each name.", metavar="x=1.5")
CHECK = option("Compare each gradient with a difference quotient.", "--check", metavar=None)
SVG = option("Picture to write, for light and for dark pages.")


class FormulaCommand(TyperCommand):
    """A command whose arguments may begin with a minus sign."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put a space before every word that begins with a minus sign but is not an option."""
        return super().parse_args(ctx, [NOT_OPTION.sub(" -", word) for word in args])


def explain(
    formula: Annotated[str, FORMULA],
    values: Annotated[list[str] | None, VALUES] = None,
    check: Annotated[bool, CHECK] = False,
    svg: Annotated[Path | None, SVG] = None,
    as_json: Json = False,
) -> None:
    """Draw the computation graph of a formula: values forward, gradients backward.

    The graph is drawn where it fits the width of the terminal, and always listed edge by edge.
    """
    from mnist_bp.cli import console
    from mnist_bp.graph import Graph

    check_outputs({"--svg": svg}, {})
    if formula in BUILT_IN and not values:
        formula, *values = BUILT_IN[formula].split()
    graph = Graph(formula, **dict(map(_name_and_number, values or [])))
    gradients = graph.backward()
    checks = _check(graph) if check else {}
    wrong = [name for name, (_, verdict) in checks.items() if verdict == "FAILS"]
    if svg:
        save(svg, graph._repr_svg_())
    if as_json:
        quotients = {name: q if math.isfinite(q) else None for name, (q, _) in checks.items()}
        more = {"passed": not wrong, "quotients": quotients} if check else {}
        edges = list(map(_figures, graph.edges))
        messages.print_json(value=graph.value, gradients=gradients, edges=edges, **more)
    else:
        _print(graph, checks, console.results())
    if wrong:
        raise CheckError(f"the gradient check does not hold for {', '.join(wrong)}")


def _name_and_number(word: str) -> tuple[str, str]:
    name, equals, number = word.partition("=")
    if not equals:
        problem = f"{word.strip()[:50]!r} is not a value such as x=1.5, without spaces"
        raise GraphError(f"{problem}; the formula comes first, in quotes")
    return name.strip(), number


def _figures(edge: "Edge") -> dict[str, Any]:
    source, target = edge.source, edge.target and edge.target.text
    return {"from": source.text, "to": target, "value": source.value, "gradient": edge.gradient}


def _exact(number: float) -> str:
    """Return a number with all its digits. Adding 0 makes -0.0 a plain 0."""
    return repr(number + 0).removesuffix(".0")


def _print(graph: "Graph", checks: Checks, out: "Console") -> None:
    """Print the formula, its graph if there is room, all edges, and the gradients of the names."""
    from rich.text import Text

    from mnist_bp.cli import console
    from mnist_bp.diagram import Diagram, rounded

    drawing = Diagram(graph.nodes)
    picture = f"(the drawing needs {drawing.width} columns: use a wider terminal, or --svg)"
    if drawing.width <= out.width:
        picture = drawing.text().translate({} if out.encoding.startswith("utf") else ASCII)
    console.heading(out, f"{graph.formula} = {_exact(graph.value)}")
    out.print(Text(f"\n{picture}\n"), soft_wrap=True)
    rows = []
    for edge in graph.edges:
        label = edge.target.label if edge.target else ""
        rows.append([edge.source.text, label, _exact(edge.source.value), _exact(edge.gradient)])
    console.table(out, "edges", ("from", "to", "value", "gradient"), rows)
    rows = []
    for name, node in graph.names.items():
        parts = [_exact(edge.gradient) for edge in node.outputs]
        rows.append([name, _exact(node.gradient), " + ".join(parts) if len(parts) > 1 else ""])
        if checks:
            quotient, verdict = checks[name]
            rows[-1] += [rounded(quotient, 10), verdict]
    headings = ["name", "gradient", "sum of"] + ["difference quotient", ""] * bool(checks)
    console.table(out, "gradients", headings, rows)


def _check(graph: "Graph") -> Checks:
    """Compare the gradients with difference quotients, and leave the graph as it was.

    No one step suits every formula. Of steps that fall by factors of ten, the one counts whose
    quotient errs least, judged by its distance from the next quotient and by the rounding in it.
    """
    import numpy as np

    from mnist_bp.numerical import numerical_gradient

    gradients = np.array(list(graph.gradients.values()))
    x = np.array([node.value for node in graph.names.values()])
    rounding = np.finfo(float).eps * max(abs(node.value) for node in graph.nodes)

    def active() -> list[bool]:
        return [node.value > 0 for node in graph.nodes if node.label == "relu"]

    def f(x: Any) -> float:
        with contextlib.suppress(GraphError):
            value = graph.forward(**dict(zip(graph.names, x, strict=True)))
            if active() == unperturbed:
                return value
        return np.nan

    unperturbed = active()
    with np.errstate(invalid="ignore"):
        steps = np.abs(x).max(initial=1) * 10.0 ** -np.arange(2, 30)
        quotients = np.array([numerical_gradient(f, x, step) for step in steps])
    f(x)
    graph.backward()
    errors = np.abs(np.diff(quotients, axis=0)) + (rounding / steps[1:])[:, np.newaxis]
    best = np.where(np.isnan(errors), np.inf, errors).argmin(axis=0), np.arange(len(x))
    nearest = np.where(np.isnan(errors), np.nan, quotients[:-1])[best]
    holds = np.abs(nearest - gradients) <= TOLERANCE * np.abs(nearest) + 10 * errors[best]
    verdicts = np.where(np.isnan(nearest), "on a kink", np.where(holds, "holds", "FAILS"))
    results = zip(nearest.tolist(), verdicts.tolist(), strict=True)
    return dict(zip(graph.names, results, strict=True))
