"""Messages: every text in one line and without anything that steers a terminal."""

import json

import pytest

from mnist_bp.cli.messages import complain, print_json, printable, warn


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("one\ntwo", r"one\ntwo"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("right\u202eleft", r"right\u202eleft"),
        ("\udcff", r"\udcff"),
        ("[bold]:heart:", "[bold]:heart:"),
        ("한글 ♥", "한글 ♥"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_an_escape(text, shown):
    assert printable(text) == shown


def test_a_message_is_one_line_whatever_it_holds(capsys):
    complain("my.toml: x\nError: forged")
    warn("first", "  second\x1b[2J")

    assert capsys.readouterr().err.splitlines() == [
        r"Error: my.toml: x\nError: forged",
        "Warning: first",
        r"  second\x1b[2J",
    ]


def test_json_is_one_line_of_plain_characters(capsys):
    names = ["a:heart:.png", "[bold]", "\x1b[31m", "\udcff", "한글"]

    print_json(names=names)

    (line,) = capsys.readouterr().out.splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"names": names}


def test_what_is_not_json_is_not_printed():
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(loss=float("nan"))
