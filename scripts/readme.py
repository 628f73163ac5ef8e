"""Writes the tables of options into README.md, from the program: python scripts/readme.py."""

import re
from pathlib import Path
from typing import Any

import typer

from mnist_bp.cli.app import app
from mnist_bp.runs.recipe import SETTINGS

README = Path(__file__).parent.parent / "README.md"
SHARED = ("dataset", "data_dir", "mirror")
"""Options that mean the same in every command that reads digits."""


def rows(options: list[Any], *first: str) -> list[str]:
    """Return a row of a Markdown table for each option, with these cells first."""
    lines = []
    for option in options:
        names = ", ".join(sorted(option.opts, key=len))
        value = "" if option.is_flag else f" {option.metavar}"
        cells = (*first, f"`{names}{value}`", option.help)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return lines


def tables() -> dict[str, str]:
    """Return every table of options: what commands share, and each command's own."""
    options = {
        name: [each for each in command.params if each.param_type_name == "option"]
        for name, command in typer.main.get_command(app).commands.items()
    }
    head = ["| option | meaning |", "|---|---|"]
    digits = [each for each in options["train"] if each.name in SHARED]
    recipe = [each for each in options["train"] if each.name in SETTINGS]
    commands = ["| command | option | meaning |", "|---|---|---|"]
    for name, each in options.items():
        elsewhere = (*SHARED, *SETTINGS) if name in ("train", "sweep") else SHARED
        own = [option for option in each if option.name not in elsewhere]
        commands += rows(own, f"`{name}`")
    found = {"digits": head + rows(digits), "hyperparameters": head + rows(recipe)}
    return {name: "\n".join(lines) for name, lines in (found | {"commands": commands}).items()}


def updated(text: str) -> str:
    """Return the README with the tables of today's program between their markers."""
    for name, rows in tables().items():
        begin, end = f"<!-- options: {name} -->\n", "\n<!-- end -->"
        between = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
        text = between.sub(lambda found, rows=rows: f"{found[1]}{rows}{found[2]}", text)
    return text


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
