"""Which of a file's classes and functions use one another."""

import dis
import inspect
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any


def used_first(wanted: Iterable[str], items: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """Yield names of `items`, each after those of what it uses, and none that was `seen` before."""
    for name in wanted:
        if name in items and name not in seen:
            seen.add(name)
            yield from used_first(_globals_of(items[name]), items, seen)
            yield name


def _globals_of(item: Any) -> Iterator[str]:
    """Yield the global names in a function, or in the methods of a class."""
    functions = [item, *(each for _, each in inspect.getmembers(item, inspect.isfunction))]
    codes = [each.__code__ for each in functions if inspect.isfunction(each)]
    for code in codes:
        codes += [each for each in code.co_consts if isinstance(each, CodeType)]
        yield from (each.argval for each in dis.get_instructions(code) if "GLOBAL" in each.opname)
