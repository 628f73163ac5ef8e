"""Texts from files, servers and flags: on a terminal, they are shown, and steer nothing."""

import io
import json
import random
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from helpers import SHORT, four_arrays, in_terminal
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_bp.cli import console, drawing, messages
from mnist_bp.cli.messages import printable

PIECES = ["\x1b[31m", "\x1b]0;title\x07", "\x1bc", "\x9b31m", "\x07", "\b", "\r", "\n", "\x7f"]
PIECES += ["\nError: forged", "\u202e", "\u2028", "\udcff", "[bold]", "[/x]", ":heart:", "a", " "]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(text):
    """Return all that a terminal gets where a text is printed in every way that we have."""
    with redirect_stdout(Terminal()) as terminal, redirect_stderr(terminal):
        messages.complain(text, f"  {text}")
        messages.warn(text)
        messages.print_line(text)
        out = console.results()
        out.print(text)
        console.table(out, text, [text, ""], [[text, "0"]])
        console.GrowingTable(out, text, {text: 5}).row(text)
        drawing.digits(out, text, [(np.zeros((28, 28), np.uint8), text)])
    return terminal.getvalue()


def test_what_is_printed_of_any_text_is_what_is_printable(monkeypatch, full):
    monkeypatch.setenv("TERM", "xterm-256color")

    @settings(max_examples=20_000 if full else 50, deadline=None)
    @given(
        st.text(st.characters(categories=None), max_size=100)
        | st.binary(max_size=100).map(lambda b: b.decode("latin-1"))
        | st.lists(st.sampled_from(PIECES), max_size=20).map("".join)
    )
    def check(text):
        assert printable(text).isprintable()
        assert len(printable(text).splitlines()) <= 1
        assert shown(text) == shown(printable(text))

    check()


NASTY = "\x1b[31mred\x07\x1b]0;title\x07\nError: forged [bold]b[/bold][/x]:heart:"


def raw(output):
    """Return the control characters in an output that are not a console's colours and cursor."""
    ours = r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AKG]"
    return re.findall("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", re.sub(ours, "", output))


def change_text(path, old, new):
    """Change the texts in a checkpoint."""
    with np.load(path) as archive:
        arrays = dict(archive)
    for name in ("dataset", "versions", "recipe"):
        arrays[name] = np.array(str(arrays[name]).replace(old, new))
    np.savez(path, **arrays)


def in_toml(text):
    return '"' + "".join(f"\\U{ord(each):08x}" for each in text) + '"'


def server(answer):
    """Return a handler that answers every request with these bytes."""

    class Handler(BaseHTTPRequestHandler):
        def __init__(self, *arguments, directory):
            super().__init__(*arguments)

        def handle(self):
            self.rfile.readline()
            self.wfile.write(answer)

    return Handler


def layer(text):
    """Return the code of a layer that fails with this text."""
    forward = f"  def forward(self, x): raise ValueError({text!a})"
    return "\n".join(["class Layer:", forward, "  def backward(self, dout): pass"])


class Place:
    """Where a text from outside comes in: each method returns a command, and its exit status."""

    def __init__(self, command, folder, trained, digits_folder, serve):
        folder.mkdir()
        self.command, self.folder, self.serve = command, folder, serve
        self.trained = Path(shutil.copy(trained, folder))
        self.digits = "--data-dir", digits_folder

    def path(self, text):
        self.trained.rename(self.folder / text.replace("/", "|"))
        return ["evaluate", text.replace("/", "|"), *self.digits], 0

    def missing_path(self, text):
        return ["evaluate", text, *self.digits], 2

    def picture(self, text):
        (self.folder / text.replace("/", "|")).write_text(text, errors="replace")
        return ["predict", self.trained, text.replace("/", "|"), text], 1

    def digits_folder(self, text):
        (self.folder / text.replace("/", "|")).mkdir()
        return ["train", "--data-dir", text.replace("/", "|")], 1

    def dataset(self, text):
        change_text(self.trained, "custom", text[:100])
        return ["evaluate", self.trained, *self.digits], 0

    def recipe_key(self, text):
        change_text(self.trained, "hidden =", in_toml(text) + " =")
        return ["evaluate", self.trained, *self.digits], 1

    def recipe_value(self, text):
        change_text(self.trained, "hidden = 8", f"hidden = {in_toml(text)}")
        return ["train", "--resume", self.trained, *self.digits], 1

    def member(self, text):
        arrays = {name: array for name, array in four_arrays().items() if name != "b1"}
        np.savez(self.trained, **arrays, **{text.replace("/", "|"): np.ones(3)})
        return ["evaluate", self.trained, *self.digits], 1

    def type(self, text):
        history = np.zeros(3, [(text, float)])
        with np.load(self.trained) as archive:
            np.savez(self.trained, **dict(archive) | {"history": history})
        return ["evaluate", self.trained, *self.digits], 1

    def config(self, text):
        (self.folder / "my.toml").write_text(in_toml(text) + " = 1")
        return ["train", "--config", "my.toml"], 2

    def flag(self, text):
        return ["train", "--lr", text], 2

    def unknown_flag(self, text):
        return ["train", f"--{text}"], 2

    def command_name(self, text):
        return [f"x{text}"], 2

    def mirror(self, text):
        return ["download", "--mirror", text], 2

    def formula(self, text):
        return ["explain", f"x + {text}", "x=1"], 2

    def formula_value(self, text):
        return ["explain", "x", f"x={text}"], 2

    def sweep_folder(self, text):
        words = ["sweep", *SHORT, "--seed", "0-1", *self.digits, "--dry-run"]
        return [*words, "--output", text.replace("/", "|")], 0

    def sweep_file(self, text):
        (self.folder / "runs").mkdir()
        change_text(self.trained, "validation = 0", "validation = 100")
        self.trained.rename(self.folder / "runs" / (text.replace("/", "|") + ".npz"))
        return ["sweep", *SHORT, *self.digits, "--output", "runs"], 2

    def sweep_versions(self, text):
        words = ["sweep", *SHORT, "--seed", "0-1", *self.digits, "--output", "runs"]
        self.command(*words, cwd=self.folder)
        change_text(self.folder / "runs" / "seed-0.npz", "mnist-bp", text)
        return words, 0

    def file_with_layers(self, text):
        name = text.replace("/", "|") + ".py"
        (self.folder / name).write_text(layer(text))
        return ["gradcheck", name], 1

    def notebook(self, text):
        cells = [{"cell_type": "code", "source": each} for each in (text, layer(text))]
        (self.folder / "my.ipynb").write_text(json.dumps({"cells": cells}))
        return ["gradcheck", "my.ipynb"], 1

    def status_line(self, text):
        answer = b"HTTP/1.1 404 " + text.encode(errors="replace") + b"\r\n\r\n"
        return ["download", "--mirror", self.serve("", server(answer))], 1

    def what_is_not_http(self, text):
        return ["download", "--mirror", self.serve("", server(text.encode(errors="replace")))], 1

    def header(self, text):
        line = text.encode(errors="replace")
        answer = b"HTTP/1.1 302 Found\r\nLocation: http://" + line + b"\r\n" + line + b"\r\n\r\n"
        return ["download", "--mirror", self.serve("", server(answer))], 1

    def body(self, text):
        answer = b"HTTP/1.1 200 OK\r\n\r\n" + text.encode(errors="replace")
        return ["download", "--mirror", self.serve("", server(answer))], 1


PLACES = [name for name in vars(Place) if not name.startswith("_")]
EVERYDAY = "path", "dataset", "recipe_key", "flag", "sweep_folder", "notebook", "status_line"
NOT_SHOWN = "member", "header"


@pytest.mark.posix
@pytest.mark.parametrize("place", PLACES)
def test_no_text_from_outside_reaches_a_terminal_raw(
    command, digits_folder, trained, serve, full, place
):
    if not (full or place in EVERYDAY):
        pytest.skip("runs with --full")
    rng = random.Random(0)
    pieces = [each for each in PIECES if each != "\udcff"]  # It cannot be in every file.
    more = ["".join(rng.choices(pieces, k=5)) for _ in range(20 if full else 0)]
    for number, text in enumerate([NASTY, *(NASTY + each for each in more)]):
        folder = command.folder / str(number)
        where = Place(command, folder, trained, digits_folder, serve)
        words, status = getattr(where, place)(text)

        output = in_terminal(*words, cwd=folder, status=status)

        assert raw(output) == []
        assert not any(line.startswith("Error: forged") for line in re.split(r"[\r\n]+", output))
        assert "[31m" in re.sub("\x1b\\S*?m", "", output) or place in NOT_SHOWN
