"""Runs the definitions of a file, and of the modules beside it that it imports."""

import ast
import codeop
import sys
import traceback
from collections.abc import Callable
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from mnist_bp.audit.definitions import Definitions

PLACE = "audit:"
"""Begins the file name of all code that is compiled here; the rest is the place it came from."""

Starting: TypeAlias = Callable[[str], bool]
"""Called with the place of each statement before it runs; False leaves the statement out."""


class Loaded:
    """What the definitions of a file left behind. Python's imports are changed for good.

    Parameters
    ----------
    file : Path
    starting : Starting
        For the statements of this file; those of other modules always run.

    Attributes
    ----------
    names : dict
        The file's namespace.
    definitions : Definitions
    modules : dict
        From each module that was read by the same rule to its file.
    broken : dict
        From each class and function whose definition failed, by name, to its statement and error.
    warnings : list of str
        Imports that fail.
    """

    def __init__(self, file: Path, starting: Starting) -> None:
        self.definitions = Definitions(file)
        self.modules = {"_checked_": ""}
        self.broken: dict[str, tuple[ast.stmt, BaseException]] = {}
        self.warnings: list[str] = []
        self._failed_imports: dict[str, str] = {}
        module = ModuleType("_checked_")
        # In a package, `from .functions import softmax` works.
        module.__file__, module.__package__ = str(file), file.parent.name
        sys.modules[module.__name__] = module
        folder, above = file.parent, file.parent.parent

        def find(path: str) -> FileFinder:
            place = Path(path)
            packages = {"site-packages", "dist-packages"} & {*place.parts}
            installed = packages or any(map(place.is_relative_to, (sys.prefix, sys.base_prefix)))
            if installed or not place.is_relative_to(above):
                raise ImportError
            return FileFinder(path, (_Loader, [".py"]))

        _Loader.loaded = self
        sys.path_hooks.insert(0, find)
        sys.path_importer_cache.clear()
        sys.path[:] = [str(folder), *sys.path, str(above)]
        self.names = vars(module)
        self.run(self.definitions, self.names, starting)

    def run(self, definitions: Definitions, names: dict[str, Any], starting: Starting) -> None:
        """Run definitions one after the other; one that fails does not stop those that follow."""
        compiled: Any = codeop.Compile()  # It remembers imports from `__future__`.
        for place, node in definitions.statements:
            if not starting(f"{place}line {node.lineno}"):
                continue
            try:
                exec(compiled(ast.Module([node], []), PLACE + place, "exec"), names)
            except (Exception, SystemExit) as error:
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    self.broken[node.name] = node, error
                elif isinstance(node, ast.Assign | ast.AnnAssign):
                    definitions.leave_out(node)
                else:
                    text = ast.unparse(node).partition("\n")[0]
                    self.warnings.append(f"{place}line {node.lineno}: `{text}` fails: {error}")
                    for each in getattr(node, "names", ()):
                        self._failed_imports[(each.asname or each.name).partition(".")[0]] = text

    def describe(self, error: BaseException) -> str:
        """Say what an exception is, where it was raised, and which import would have helped."""
        details = [place_of(error)]
        if isinstance(error, NameError):
            imports = map(self._failed_imports.get, (str(error.name), "*"))
            details += [f"`{each}` fails" for each in imports if each][:1]
        where = "; ".join(filter(None, details))
        message = str(error).partition("\n")[0].rstrip()
        return f"raises {type(error).__name__}: {message}" + (where and f" ({where})")


class _Loader(SourceFileLoader):
    """Runs the definitions of a module only; nothing is written to `__pycache__`."""

    loaded: Loaded

    def exec_module(self, module: ModuleType) -> None:
        file = Path(self.get_filename())
        self.loaded.modules[module.__name__] = str(file)
        self.loaded.run(Definitions(file, f"{file.name}, "), vars(module), lambda _: True)


def place_of(error: BaseException) -> str:
    """Return where in the reader's own code an exception was raised, such as "cell 3, line 7"."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(PLACE)]
    return f"{own[-1].filename.removeprefix(PLACE)}line {own[-1].lineno}" if own else ""
