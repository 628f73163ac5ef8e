"""Ctrl-C is recognized wherever it comes, with nothing imported for it."""

from mnist_bp.__main__ import is_interrupt


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
