"""Check the layers that readers wrote, from files and notebooks: `gradcheck FILE...`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from mnist_bp.cli import messages
from mnist_bp.errors import CheckError, ParameterError, UsageError

HELP = (
    "Python files (.py) or notebooks (.ipynb) with your own layers. Their code is run: imports, "
    "functions, classes and constants, but no other statement at the top level."
)


def check(files: Sequence[Path], options: dict[str, Any], as_json: bool) -> None:
    """Check files, and print what is found in each."""
    for name, value in options.items():
        if value is not None:
            raise ParameterError(name, "is for the check without a file")

    from mnist_bp.audit import check_files
    from mnist_bp.cli import console, tables

    found = []
    with messages.steps_bar(len(files), show=len(files) > 1, unit="file") as advance:
        for result in check_files(files):
            found.append(result)
            messages_of = [f"{result.file}: {text}" for text in result.warnings]
            for text in messages_of:
                messages.warn(text)
            if result.error:
                messages.complain(f"{result.file}: {result.error}")
            elif not as_json:
                tables.file_check(console.results(), result)
            advance()
    if as_json:
        passed = all(each.passed for each in found)
        messages.print_json(passed=passed, files=[each.figures() for each in found])
    if failed := [str(each.file) for each in found if not (each.passed or each.error)]:
        raise CheckError(f"something fails in {', '.join(failed)}")
    if any(each.error for each in found):
        raise typer.Exit(UsageError.exit_status)
