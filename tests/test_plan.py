"""The plan of the house: which room may import which, the reading order, and how long things are.

All of it is read from the source: imports inside functions and for type checkers count too.
"""

import ast
import importlib
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mnist_bp

PACKAGE = Path(mnist_bp.__file__).parent
ROOT = PACKAGE.parent

FOUNDATIONS = ("errors", "files", "randomness", "version")
CHAPTER = (
    *("functions", "layers", "numerical", "comparison", "network", "gradcheck"),
    *("diagram", "graph", "optimizers", "training", "evaluation"),
)
"""The chapter's files, in reading order."""

ROOMS = {
    "foundations": {"foundations"},
    "chapter": {"chapter"},
    "data": {"data", "foundations"},
    "pictures": {"pictures"},
    "runs": {"runs", "data", "chapter", "foundations"},
    "audit": {"audit", "chapter"},
    "report": {"report", "runs", "pictures", "data", "chapter", "foundations"},
    "cli": {"cli", "audit", "report", "runs", "pictures", "data", "chapter", "foundations"},
}
"""Which rooms each room may import; `errors` is open to all."""

OTHERS = {
    "foundations": {"numpy"},
    "chapter": {"numpy"},
    "data": {"numpy", "requests", "urllib3", "platformdirs"},
    "pictures": {"numpy", "PIL"},
    "runs": {"numpy", "threadpoolctl", "distributed"},
    "audit": {"numpy"},
    "report": {"numpy", "PIL", "matplotlib", "jinja2", "markupsafe"},
    "cli": {"numpy", "threadpoolctl", "typer", "rich", "tqdm"},
}
"""Which packages beside the standard library."""

PUBLIC = [
    "Checkpoint",
    "Digits",
    "Evaluation",
    "GradientCheck",
    "Graph",
    "PictureDigits",
    "Recipe",
    "Run",
    "TwoLayerNet",
    "__version__",
    "check_gradients",
    "evaluate",
    "load_checkpoint",
    "load_digits",
    "load_mnist",
    "read_picture",
    "save_checkpoint",
    "train",
]

FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
    if path.relative_to(PACKAGE).parts[0] not in ("__init__.py", "__main__.py")
}


def imports(path):
    """Return the full names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                is_module = full.removeprefix("mnist_bp.") in MODULES
                found.add(full if is_module else node.module)
    return found


def own(path):
    """Return the modules of this package that a file imports."""
    return {
        name.removeprefix("mnist_bp.") for name in imports(path) if name.startswith("mnist_bp.")
    }


def room(module):
    first = module.split(".")[0]
    if first in FOUNDATIONS:
        return "foundations"
    return "chapter" if first in CHAPTER else first


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_what_the_plan_allows(module):
    allowed = ROOMS[room(module)]
    wrong = {
        each for each in own(MODULES[module]) if each != "errors" and room(each) not in allowed
    }

    assert not wrong, f"{module} imports {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("module", MODULES)
def test_a_room_uses_only_the_packages_it_needs(module):
    roots = {name.split(".")[0] for name in imports(MODULES[module])}
    others = roots - set(sys.stdlib_module_names) - {"mnist_bp"}

    assert others <= OTHERS[room(module)]


@pytest.mark.parametrize("module", [each for each in CHAPTER if each in MODULES])
def test_a_file_of_the_chapter_needs_only_those_before_it(module):
    before = {"errors", *CHAPTER[: CHAPTER.index(module)]}

    assert own(MODULES[module]) <= before


def test_no_modules_import_each_other_in_a_circle():
    arrows = {module: own(path) & set(MODULES) for module, path in MODULES.items()}

    assert len(list(TopologicalSorter(arrows).static_order())) == len(MODULES)


@pytest.mark.parametrize("module", [each for each in MODULES if room(each) != "cli"])
def test_only_the_command_line_speaks_to_the_screen(module):
    nodes = ast.walk(ast.parse(MODULES[module].read_text()))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    # What is printed to a file of one's own is not printed to the screen.
    names = [
        ast.unparse(call.func) for call in calls if "file" not in {k.arg for k in call.keywords}
    ]

    assert not {"print", "input", "sys.stdout.write", "sys.stderr.write"} & set(names)


def test_training_is_a_loop_that_fits_a_screen():
    assert len(MODULES["training"].read_text().splitlines()) <= 60
    assert "training" in own(MODULES["runs.run"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_short(path):
    text = path.read_text()
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert len(text.splitlines()) <= 300
    for function in functions:
        lines = function.end_lineno - function.lineno + 1
        documentation = len((ast.get_docstring(function, clean=False) or "").splitlines())
        assert lines - documentation <= 50, f"{function.name} has {lines} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_says_in_a_sentence_what_it_is(path):
    if not path.read_text().strip():
        pytest.fail("an empty file")
    first = ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]

    assert first.endswith((".", ":")) or "." in first or ":" in first
    assert first[0].isupper() or first[0] in "`'\""


def test_the_public_names():
    assert sorted(mnist_bp.__all__) == PUBLIC
    assert sorted(dir(mnist_bp)) == PUBLIC
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    declared = [alias.asname for node in stub.body for alias in getattr(node, "names", [])]
    assert sorted(declared) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_can_be_imported_and_is_documented(name):
    value = getattr(importlib.import_module("mnist_bp"), name)
    texts = [(ROOT / "README.md").read_text(encoding="utf-8")]
    texts += [path.read_text() for path in PACKAGE.glob("*/__init__.py")]

    assert name == "__version__" or value.__doc__
    assert name == "__version__" or any(re.search(rf"\b{name}\b", text) for text in texts)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'mnist_bp' has no attribute 'nonsense'"):
        _ = mnist_bp.nonsense
