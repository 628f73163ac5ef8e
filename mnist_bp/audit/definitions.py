"""Which statements of a file run: its definitions, and nothing else."""

import ast
import json
import re
from pathlib import Path
from typing import Any

from mnist_bp.errors import NoFileError, UsageError

HARMLESS = re.compile(
    r"(numpy(?!.*\b(load|save|gen|from|memmap|tofile|dump|DataSource))|math|random|collections|dataclasses|enum"
    r"|fractions|functools\.partial|logging\.getLogger|os\.path|string|typing|builtins\.(bool|dict|float|frozenset|int"
    r"|len|list|max|min|range|set|str|sum|tuple))\b"
)
"""What may be called at the top level: nothing here reads a file, waits, or uses the network."""

DEFINITION = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
COMPUTED = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.NamedExpr | ast.Await
NOT_PYTHON = re.compile(r"\s*([!%?].*|[\w, ]+=\s*[!%].*|[\w.]+\?{1,2}\s*)$")
"""A line that only a notebook understands: a shell command, a magic, or a question for help."""


class Definitions:
    """The definitions of a `.py` file or a notebook, in order; nothing runs yet.

    Parameters
    ----------
    file : Path
    prefix : str
        What to say before "cell 3, line 7" where the file is not the one that is checked.

    Attributes
    ----------
    statements : list of (str, ast.stmt)
        Each with the place it came from: "", "cell 3, " or "layers.py, ", before "line 7".
    left_out : int
        How many other statements there are.
    left_out_names : set of str
        The names that these would have bound.
    unreadable : dict
        From each cell that is not Python, such as "cell 3", to the reason.

    Raises
    ------
    UsageError
        There is no such file, or it cannot be read.
    """

    def __init__(self, file: Path, prefix: str = "") -> None:
        self.statements: list[tuple[str, ast.stmt]] = []
        self.left_out = 0
        self.left_out_names: set[str] = set()
        self.unreadable: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        NoFileError.check(file)
        if file.suffix not in (".py", ".ipynb"):
            raise UsageError("it is neither a Python file (.py) nor a notebook (.ipynb)")
        try:
            if file.suffix == ".py":
                self._add(prefix, ast.parse(file.read_bytes(), file.name))
            else:
                self._add_notebook(prefix, json.loads(file.read_bytes()))
        except Exception as error:  # Of a deeply nested expression, a MemoryError without a text.
            problem = str(error) or "its expressions are nested too deeply"
            raise UsageError(f"it cannot be read: {problem}") from error

    def _add_notebook(self, prefix: str, notebook: dict[str, Any]) -> None:
        """Take the code cells of a notebook of format 4, or of format 3 with its worksheets."""
        sheets = notebook.get("worksheets") or [notebook]
        cells = [cell for sheet in sheets for cell in sheet["cells"] if cell["cell_type"] == "code"]
        for number, cell in enumerate(cells, 1):
            try:
                tree = self._parse("".join(cell.get("source", cell.get("input"))))
                self._add(f"{prefix}cell {number}, ", tree)
            except SyntaxError as error:
                reason = f"it is not Python: {error.msg} (line {error.lineno})"
                self.unreadable[f"{prefix}cell {number}"] = reason

    def _parse(self, source: str) -> ast.Module:
        """Parse a cell without its magics."""
        if re.match(r"\s*%%(?!time|capture|prun|python)", source):
            source = "%"
        lines = source.split("\n")
        while True:
            try:
                return ast.parse("\n".join(lines))
            except SyntaxError as error:
                # Such a line may go on with an expression: only where it is at fault is it a magic.
                at = (error.lineno or 1) - 1
                if at >= len(lines) or not NOT_PYTHON.match(lines[at]):
                    raise
                lines[at] = re.sub(r"\S.*", "pass", lines[at])
                self.left_out += 1

    def _add(self, place: str, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                for each in node.names:
                    name = each.name if module or each.asname else each.name.partition(".")[0]
                    self._origins[each.asname or name] = module + name
        self.statements += [(place, node) for node in self._kept(tree.body)]

    def leave_out(self, node: ast.stmt) -> None:
        """Count a statement that does not run, and remember the names it would have bound."""
        self.left_out += 1
        names = (each for each in ast.walk(node) if isinstance(each, ast.Name))
        self.left_out_names |= {each.id for each in names if isinstance(each.ctx, ast.Store)}

    def _kept(self, body: list[Any]) -> list[ast.stmt]:
        """Return the definitions among statements, and those in the branches of `if` and `try`."""
        kept: list[ast.stmt] = []
        for node in body:
            match node:
                case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.AnnAssign(value=None):
                    continue  # There is nothing to run.
                case ast.If(test=test) if "__name__" in ast.unparse(test):
                    keep = False  # What only a script does.
                case ast.If(test=value) | ast.Assign(value=value) | ast.AnnAssign(value=value):
                    keep = self._harmless(value)
                case _:
                    keep = isinstance(node, DEFINITION | ast.Try)
            if not keep:
                self.leave_out(node)
                continue
            kept.append(node)
            branching = isinstance(node, ast.If | ast.Try)
            for part in (node, *getattr(node, "handlers", ())) if branching else ():
                for name in ("body", "orelse", "finalbody"):
                    if branch := getattr(part, name, None):
                        empty = ast.copy_location(ast.Pass(), node)
                        setattr(part, name, self._kept(branch) or [empty])
        return kept

    def _harmless(self, node: Any) -> bool:
        """Return whether an expression is made of literals, names and calls of known modules."""
        match node:
            case ast.Lambda():  # Its body runs when it is called, not here.
                return True
            case ast.Call(func=function):
                first, _, rest = ast.unparse(function).partition(".")
                if not HARMLESS.match(f"{self._origins.get(first, f'builtins.{first}')}.{rest}"):
                    return False
            case ast.BinOp(op=ast.Pow(), right=ast.BinOp() | ast.Call()):
                return False  # 9**9**9 takes for ever.
        parts = ast.iter_child_nodes(node)
        return not isinstance(node, COMPUTED) and all(map(self._harmless, parts))
