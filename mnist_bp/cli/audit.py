"""Check the layers that readers wrote, from files and notebooks: `gradcheck FILE...`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from mnist_bp.cli import messages
from mnist_bp.errors import CheckError, ParameterError, UsageError

HELP = (
    "Python files (.py) or notebooks (.ipynb) with your own layers, or folders of them. Their code "
    "is run: imports, functions, classes and constants, but no other statement at the top level."
)


def check(paths: Sequence[Path], options: dict[str, Any], as_json: bool) -> None:
    """Check files, and those directly in folders, and print what is found in each."""
    for name, value in options.items():
        if value is not None:
            raise ParameterError(name, "is for the check without a file")

    from mnist_bp.audit import check_files
    from mnist_bp.cli import console, tables

    files = [file for path in paths for file in _files(path)]
    found = []
    with messages.steps_bar(len(files), show=len(files) > 1, unit="file") as advance:
        for result in check_files(files):
            found.append(result)
            if result.error:
                messages.complain(f"{result.file}: {result.error}")
            elif not as_json:
                tables.file_check(console.results(), result)
            advance()
    if as_json:
        results = [each.figures() for each in found]
        messages.print_json(passed=all(each.passed for each in found), files=results)
    elif len(found) > 1:
        tables.file_checks(console.results(), found)
    if failed := [str(each.file) for each in found if not (each.passed or each.error)]:
        raise CheckError(f"something fails in {', '.join(failed)}")
    if any(each.error for each in found):
        raise typer.Exit(UsageError.exit_status)


def _files(path: Path) -> list[Path]:
    """Return the Python files and notebooks in a folder, or the path itself of a file."""
    files = sorted(each for each in path.glob("[!.]*") if each.suffix in (".py", ".ipynb"))
    if path.is_dir() and not files:
        raise UsageError(f"{path}: there is no Python file or notebook in this folder")
    return files or [path]
