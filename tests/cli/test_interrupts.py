"""Ctrl-C is recognized wherever it comes, with nothing imported for it."""

import ast
from pathlib import Path

from mnist_bp.cli import interrupts
from mnist_bp.cli.interrupts import is_interrupt


def test_an_interrupt_is_recognized_behind_other_exceptions():
    def raised_by(function):
        try:
            function()
        except BaseException as error:
            return error

    def during_an_import():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise RuntimeError("__set_name__") from error

    assert is_interrupt(KeyboardInterrupt())
    assert is_interrupt(raised_by(during_an_import))
    assert not is_interrupt(raised_by(lambda: 1 / 0))


def test_nothing_is_imported_for_it():
    # An import that was interrupted leaves modules behind that cannot be used.
    tree = ast.parse(Path(interrupts.__file__).read_text())

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
