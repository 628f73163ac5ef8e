"""The screen: colours and bars in a terminal, plain text elsewhere, nothing raw from outside."""

import io
import json
import os
import re

import numpy as np
import pytest
from helpers import ESCAPE, SHORT, in_terminal
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from mnist_bp.cli.console import table


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_output_that_is_not_to_a_terminal_is_plain(command, digits_folder, environment):
    done = command(
        "train", *SHORT, "--data-dir", digits_folder, env=os.environ | environment, text=False
    )

    for stream in (done.stdout, done.stderr):
        assert ESCAPE.encode() not in stream
        assert b"\r" not in stream
    assert b"%" not in done.stderr


@pytest.mark.posix
def test_a_terminal_gets_a_bar_and_colours(command, digits_folder, trained):
    arguments = ("--data-dir", digits_folder)
    shown = in_terminal("train", *SHORT, *arguments, cwd=command.folder)
    matrix = in_terminal("evaluate", trained, *arguments, cwd=command.folder)

    assert "step/s" in shown
    assert ESCAPE in shown
    assert f"{ESCAPE}[" in matrix


@pytest.mark.posix
def test_messages_do_not_garble_the_bar(command, digits_folder):
    (command.folder / "weights.npz").touch()

    # Slow enough for a bar to be on the screen when the first epoch ends.
    slow = ("--epochs", 1, "--hidden", 500, "--batch-size", 1)
    shown = in_terminal("train", *slow, "--data-dir", digits_folder, cwd=command.folder)

    (line,) = [part for part in re.split(r"[\r\n]", shown) if "older weights.npz" in part]
    assert line == "the older weights.npz was kept as weights.1.npz"


@pytest.mark.posix
def test_no_color_means_plain_text_in_a_terminal_too(command, digits_folder, trained):
    arguments = ("--data-dir", digits_folder)
    for name in (("train", *SHORT), ("evaluate", trained, "--mistakes", 2), ("gradcheck",)):
        shown = in_terminal(*name, *arguments, cwd=command.folder, NO_COLOR="1")
        assert ESCAPE not in shown
        assert "step/s" not in shown


@pytest.mark.posix
def test_a_very_narrow_terminal_is_survived(command, digits_folder, trained):
    for words in (("train", *SHORT), ("evaluate", trained, "--mistakes", 1), ("gradcheck",)):
        assert in_terminal(*words, "--data-dir", digits_folder, cwd=command.folder, COLUMNS="20")


def test_names_with_markup_and_emoji_codes_are_kept_in_json(
    command, inline, digits_folder, trained
):
    names = ["[bold]b.npz", "a:heart:.npz"]
    for name in names:
        (command.folder / name).write_bytes(trained.read_bytes())

    shown = inline("evaluate", *names, "--data-dir", digits_folder)
    report = inline("evaluate", *names, "--json", "--data-dir", digits_folder)

    assert [each["weights"] for each in json.loads(report.stdout)["members"]] == names
    assert all(name in shown.stdout for name in names)


@pytest.mark.posix
@pytest.mark.parametrize("columns", [80, 60])
def test_tables_never_break_a_number(command, digits_folder, trained, columns):
    places = {"cwd": command.folder, "columns": columns, "NO_COLOR": "1"}
    for words in (
        ("evaluate", trained, trained.name, "--data-dir", digits_folder),
        ("gradcheck", "--hidden", 50, "--data-dir", digits_folder),
        ("train", *SHORT, "--epochs", 4, "--data-dir", digits_folder),
    ):
        lines = re.split(r"[\r\n]+", in_terminal(*words, **places))
        assert max(map(len, lines)) <= columns
        if words[0] == "evaluate":
            confusion = [line.split() for line in lines if re.match(r"\s*\d\s", line)][-10:]
            counts = np.array([[0 if n == "." else int(n) for n in row[1:]] for row in confusion])
            assert counts.shape == (10, 10)
            assert counts.sum() == 200
        if words[0] == "train":
            assert any(
                re.fullmatch(r"\s*4\s+\d\.\d{4}\s+\d\.\d{4}\s+\d\.\d{4}\s+\d+\.\d\d\s*", line)
                for line in lines
            )
            (heading,) = [line for line in lines if "seconds" in line]
            assert "epoch" in heading
            assert "test accuracy" in heading or columns < 80
        if words[0] == "gradcheck":
            (row,) = [line for line in lines if line.split()[:2] == ["network", "W1"]]
            assert "784 x 50" in row
            assert row.rstrip().endswith("holds")


@pytest.fixture
def pictures(command, dataset):
    """Long paths of ten pictures, whose ends alone tell them apart."""
    folder = command.folder / "a-class-of-thirty-students" / "homework-of-tuesday-漢字漢字漢字"
    folder.mkdir(parents=True)
    paths = [folder.relative_to(command.folder) / f"student-{number}.png" for number in range(10)]
    for path, image in zip(paths, dataset[1].images, strict=False):
        Image.fromarray(255 - image).save(command.folder / path)
    return paths


@pytest.mark.posix
@pytest.mark.parametrize("columns", [120, 80, 60])
def test_long_paths_are_shortened_before_digits_are_broken(command, trained, pictures, columns):
    places = {"cwd": command.folder, "columns": columns, "NO_COLOR": "1"}
    lines = re.split(r"[\r\n]+", in_terminal("predict", trained.name, *pictures, **places))

    assert max(map(cell_len, lines)) <= columns
    rows = [line for line in lines if re.search(r"student-\d\.png +\d\?? +\d+\.\d%", line)]
    assert [re.search(r"student-(\d)", row)[1] for row in rows] == list("0123456789")


def test_paths_are_whole_where_there_is_no_terminal(inline, trained, pictures):
    long = pictures[0].parent / ("long-" * 20 + "name.png")
    (trained.parent / pictures[0]).rename(trained.parent / long)

    shown = inline("predict", trained, trained.parent / long, trained.parent / pictures[1]).stdout

    assert f" {trained.parent / long} " in shown


@pytest.mark.parametrize(("columns", "whole"), [(40, True), (30, False)])
def test_a_heading_is_broken_only_where_the_table_has_no_room(columns, whole):
    out = Console(file=io.StringIO(), width=columns)

    table(out, "title", ["layer", "mean abs error"], [["Sigmoid of the inputs", "1.25e-10"]])

    shown = out.file.getvalue()
    assert ("mean abs error" in shown) == whole
    assert "1.25e-10" in shown


@pytest.mark.posix
@pytest.mark.parametrize("columns", [80, 60])
def test_messages_are_broken_at_words(command, columns):
    shown = in_terminal(
        *("train", "--lr", "0." + "1 " * 60 + "last"),
        **{"cwd": command.folder, "columns": columns, "status": 2, "NO_COLOR": "1"},
    )

    lines = re.split(r"[\r\n]+", shown.strip())
    assert len(lines) > 1
    assert max(map(len, lines)) <= columns
    assert " ".join(line.strip() for line in lines).endswith("1 1 1 last")


@pytest.mark.posix
def test_small_counts_have_no_background(command, digits_folder, trained):
    shown = in_terminal("evaluate", trained, "--data-dir", digits_folder, cwd=command.folder)

    backgrounds = set(re.findall(r"\x1b\[[0-9;]*?(4[0-8])(?:;[0-9;]*)?m", shown))
    assert backgrounds <= {"41"}  # Red, for the most frequent mistakes alone.
