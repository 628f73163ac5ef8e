"""Runs the definitions of a file, and of the modules beside it that it imports."""

import ast
import codeop
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.machinery import FileFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from mnist_bp.audit.definitions import Definitions
from mnist_bp.audit.subjects import is_own

PLACE = "audit:"
"""Begins the file name of all code that is compiled here; the rest is the place it came from."""

ORDER = "; check the order: backward goes through the layers in reverse, the last layer first"

BLAME = "probably because {} above is wrong"

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
    """

    def __init__(self, file: Path, starting: Starting) -> None:
        self.definitions = Definitions(file)
        self.modules = {"_checked_": ""}
        self.broken: dict[str, tuple[ast.stmt, BaseException]] = {}
        self._uses: dict[str, list[str]] = {}
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
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                self._uses[node.name] = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
            try:
                exec(compiled(ast.Module([node], []), PLACE + place, "exec"), names)
            except (Exception, SystemExit) as error:
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    self.broken[node.name] = node, error
                elif isinstance(node, ast.Assign | ast.AnnAssign):
                    definitions.leave_out(node)
                else:
                    first_line = ast.unparse(node).partition("\n")[0]
                    text = f"in {place}line {node.lineno}, `{first_line}` fails: {error}"
                    aliases = (each for each in ast.walk(node) if isinstance(each, ast.alias))
                    for name in (each.asname or each.name for each in aliases):
                        self._failed_imports[name.partition(".")[0]] = text

    def with_used(self, names: Iterable[str], seen: set[str]) -> Iterator[str]:
        """Yield names, each after those that it uses, and none that was `seen` before."""
        for name in names:
            if name not in seen:
                seen.add(name)
                yield from self.with_used(self._uses.get(name, ()), seen)
                yield name

    def describe(self, error: BaseException, suspects: Sequence[str] = ()) -> str:
        """Say what an exception is, where it was raised, and what probably led to it.

        That may be one of the `suspects`, which are classes and functions known to be wrong.
        """
        frames = frames_of(error)
        places = {name.partition(".")[0]: place for name, place in frames}  # Of each, the last.
        details = [place for _, place in frames[-1:]]
        if len(places) > 1:
            details.append(f"called from {next(iter(places.values()))}")
        if isinstance(error, NameError):
            imports = map(self._failed_imports.get, (str(error.name), "*"))
            details += [each for each in imports if each][:1]
        where, message = "; ".join(details), str(error).partition("\n")[0].rstrip()
        text = f"raises {type(error).__name__}: {message}" + (where and f" ({where})")
        owners = {*places, type(getattr(error, "obj", None)).__name__}  # It lacks an attribute.
        if wrong := [each for each in suspects if each in owners]:
            return f"{text}; {BLAME.format(wrong[0])}"
        backward = any(name.endswith(".backward") for name, _ in frames[1:])
        return text + (ORDER if backward and not is_own(error) else "")


class _Loader(SourceFileLoader):
    """Runs the definitions of a module only; nothing is written to `__pycache__`."""

    loaded: Loaded

    def exec_module(self, module: ModuleType) -> None:
        file = Path(self.get_filename())
        self.loaded.modules[module.__name__] = str(file)
        self.loaded.run(Definitions(file, f"{file.name}, "), vars(module), lambda _: True)


def frames_of(error: BaseException) -> list[tuple[str, str]]:
    """Return the reader's own functions that an exception went through, the innermost last.

    Each as its full name and a place, such as ("Relu.forward", "cell 3, line 7").
    """
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return [
        (code.co_qualname, f"{code.co_filename.removeprefix(PLACE)}line {line}")
        for code, line in frames
        if code.co_filename.startswith(PLACE)
    ]
