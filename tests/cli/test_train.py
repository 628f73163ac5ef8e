"""The command train: its table, its files, and its log."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers import SHORT, assert_same

from mnist_bp import TwoLayerNet
from mnist_bp.data.idx import read_idx
from mnist_bp.functions import scale_pixels
from mnist_bp.runs.checkpoint import load_checkpoint


def test_data_that_cannot_be_used_is_one_message_and_exit_status_1(command, inline, tmp_path):
    done = inline("train", "--data-dir", tmp_path)

    assert done.returncode == 1
    assert "lacks train-images-idx3-ubyte.gz, train-labels" in done.stderr
    message, remedy = done.stderr.splitlines()
    assert message.startswith("Error: ")
    assert remedy.startswith("--data-dir names a folder with other digits")


def test_a_run_that_diverges_is_one_message_and_exit_status_1(command, inline, digits_folder):
    done = inline("train", "--lr", "1e30", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert "the run went wrong at step" in done.stderr
    assert not (command.folder / "weights.npz").exists()


def test_train_prints_its_table_and_saves(command, digits_folder):
    done = command("train", *SHORT, "--data-dir", digits_folder)

    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].strip() == "784-8-10 on custom, seed 0"
    assert lines[1].split() == ["epoch", "loss", "train", "accuracy", "test", "accuracy", "seconds"]
    assert [line.split()[0] for line in lines[3:]] == ["0", "1", "2"]
    assert done.stderr.splitlines()[1:] == ["saved weights.npz"]
    with np.load(command.folder / "weights.npz") as archive:
        assert archive["W1"].shape == (784, 8)
        assert archive["W1"].dtype == np.float32
        assert archive["history"]["epoch"].tolist() == [0, 1, 2]
        assert len(archive["step_losses"]) == 12
        assert "hidden = 8\n" in str(archive["recipe"])


def test_rows_appear_as_they_come_and_a_closed_pipe_stops_nothing(command, digits_folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", "train", "--epochs", "30", "--data-dir", digits_folder],
        cwd=command.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    first_line = process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()

    assert b"784-50-10" in first_line
    assert process.wait() == 0
    assert errors.endswith(b"saved weights.npz\n")
    with np.load(command.folder / "weights.npz") as archive:
        assert len(archive["history"]) == 31


def test_quiet_prints_nothing(command, digits_folder):
    done = command("train", *SHORT, "--quiet", "--data-dir", digits_folder)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"Warning: the digits in {digits_folder} are not MNIST's\n"
    assert (command.folder / "weights.npz").exists()


def test_quiet_says_all_the_same_under_which_name_an_older_file_was_kept(command, digits_folder):
    (command.folder / "weights.npz").write_text("mine")

    done = command("train", *SHORT, "--quiet", "--data-dir", digits_folder)

    _, notice = done.stderr.splitlines()
    assert notice == "the older weights.npz was kept as weights.1.npz"
    assert (command.folder / "weights.1.npz").read_text() == "mine"


def test_the_log_gets_an_object_for_every_row(command, digits_folder):
    for _ in range(2):
        command("train", *SHORT, "--log", "run.jsonl", "--data-dir", digits_folder)

    rows = [json.loads(line) for line in (command.folder / "run.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 0, 1, 2]
    figures = ["epoch", "loss", "train_accuracy", "test_accuracy", "seconds"]
    assert list(rows[0]) == [*figures, "seed", "dataset", "output", "measured_on"]
    which = {(row["seed"], row["dataset"], row["output"], row["measured_on"]) for row in rows}
    assert which == {(0, "custom", "weights.npz", "test")}
    assert rows[2]["loss"] == rows[5]["loss"]


def test_an_older_file_is_kept(command, digits_folder):
    path = command.folder / "weights.npz"
    path.write_text("years of work")

    done = command("train", *SHORT, "--data-dir", digits_folder)

    assert "the older weights.npz was kept as weights.1.npz" in done.stderr
    assert (command.folder / "weights.1.npz").read_text() == "years of work"
    assert path.stat().st_size > 1000


def test_the_same_command_gives_the_same_bits(command, digits_folder):
    for name in ("first.npz", "second.npz"):
        command("train", *SHORT, "--output", name, "--data-dir", digits_folder)

    first, second = (dict(np.load(command.folder / name)) for name in ("first.npz", "second.npz"))
    for name in ("W1", "b1", "W2", "b2", "step_losses"):
        assert first[name].tobytes() == second[name].tobytes()


def test_flags_win_over_the_recipe_and_the_recipe_over_the_defaults(command, digits_folder):
    (command.folder / "my.toml").write_text("epochs = 5\nhidden = 7\n")

    command("train", "--config", "my.toml", "--epochs", 1, "--data-dir", digits_folder)

    with np.load(command.folder / "weights.npz") as archive:
        recipe = str(archive["recipe"]).splitlines()
    assert {"epochs = 1", "hidden = 7", "batch_size = 100"} <= set(recipe)


def test_with_validation_the_last_training_digits_are_held_out_and_no_test_digit_is_read(
    command, digits_folder, tmp_path
):
    for name in ("images-idx3", "labels-idx1"):
        shutil.copy(digits_folder / f"train-{name}-ubyte.gz", tmp_path)
    digits = ("--data-dir", tmp_path)

    done = command("train", *SHORT, "--validation", 130, "--log", "log.jsonl", *digits)

    assert done.returncode == 0, done.stderr
    assert "held-out accuracy" in done.stdout
    rows = [json.loads(line) for line in (command.folder / "log.jsonl").read_text().splitlines()]
    assert {row["measured_on"] for row in rows} == {"held-out"}
    held_out = read_idx(tmp_path / "train-images-idx3-ubyte.gz", 3)[400:]
    labels = read_idx(tmp_path / "train-labels-idx1-ubyte.gz", 1)[400:]
    saved = load_checkpoint(command.folder / "weights.npz")
    net = TwoLayerNet.from_params(saved.params)
    assert net.accuracy(scale_pixels(held_out), labels) == rows[-1]["test_accuracy"]
    assert len(saved.step_losses) == rows[-1]["epoch"] * 4

    resumed = command("train", "--resume", "weights.npz", "--epochs", 5, *digits)
    assert resumed.returncode == 0, resumed.stderr


def test_no_more_digits_are_held_out_than_there_are(command, inline, digits_folder):
    done = inline("train", "--validation", 530, "--data-dir", digits_folder)

    assert done.returncode == 2
    assert "--validation must be below 530" in done.stderr


def test_the_log_may_be_stdout_in_place_of_the_table(command, digits_folder):
    done = command("train", *SHORT, "--log", "-", "--data-dir", digits_folder)

    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert done.stderr.splitlines()[1:] == ["saved weights.npz"]
    assert not (command.folder / "-").exists()


def test_quiet_leaves_the_log_on_stdout(inline, digits_folder):
    done = inline("train", *SHORT, "--quiet", "--log", "-", "--data-dir", digits_folder)

    assert [json.loads(line)["epoch"] for line in done.stdout.splitlines()] == [0, 1, 2]
    assert "saved" not in done.stderr


def test_a_row_that_a_failed_write_cut_short_is_ended(command, inline, digits_folder):
    (command.folder / "run.jsonl").write_text('{"epoch": 3, "lo')

    inline("train", *SHORT, "--log", "run.jsonl", "--data-dir", digits_folder)

    first, *rows = (command.folder / "run.jsonl").read_text().splitlines()
    assert first == '{"epoch": 3, "lo'
    assert [json.loads(row)["epoch"] for row in rows] == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--weight-init-std", "0"], "all weights started at zero, so all hidden units are the"),
        (["--lr", "1e-7"], "of 1e-07 may be far too small: try --lr 0.1"),
        (["--lr", "30", "--activation", "sigmoid", "--batch-size", "5"], "too large: try --lr 0.1"),
        (["--batch-size", "100000"], "too few steps, 1 in an epoch: try smaller batches, --batch-"),
    ],
)
def test_a_run_that_learns_nothing_gets_a_warning(inline, arguments, reason):
    done = inline("train", "--dataset", "synthetic", "--epochs", 1, *arguments)

    assert done.returncode == 0
    assert "Warning: the net has learned nothing yet: " in done.stderr
    assert reason in done.stderr


def test_adam_has_a_default_rate_of_its_own(command, inline, digits_folder):
    inline("train", "--epochs", 1, "--optimizer", "adam", "--data-dir", digits_folder)

    assert load_checkpoint(command.folder / "weights.npz").recipe.lr == 0.001


def test_more_threads_than_cores_get_a_warning(inline, digits_folder):
    done = inline("train", *SHORT, "--threads", 1024, "--data-dir", digits_folder)

    assert done.returncode == 0
    cores = os.cpu_count()
    assert f"Warning: --threads 1024 is slow: there are {cores} cores here" in done.stderr


def test_the_largest_seed_is_a_seed(inline, digits_folder):
    done = inline("train", "--epochs", 1, "--seed", 2**63 - 1, "--data-dir", digits_folder)

    assert done.returncode == 0


@pytest.mark.posix
@pytest.mark.parametrize("cores", [{0}, {0, 1}])
def test_the_bits_do_not_depend_on_the_cores(command, digits_folder, cores):
    if not hasattr(os, "sched_setaffinity") or not cores <= os.sched_getaffinity(0):
        pytest.skip("this machine has no such cores to choose from")
    digits = ("--data-dir", digits_folder)
    command("train", "--epochs", 2, *digits, "--output", "any.npz")
    command(
        *("train", "--epochs", 2, *digits, "--output", "some.npz"),
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )

    assert_same(command.folder / "any.npz", command.folder / "some.npz")


def test_a_run_that_goes_wrong_leaves_the_last_good_file(command, inline, digits_folder):
    digits = ("--data-dir", digits_folder)
    inline("train", *SHORT, *digits)
    before = (command.folder / "weights.npz").read_bytes()

    done = inline("train", "--lr", "1e20", "--epochs", 2, *digits)

    assert done.returncode == 1
    assert "the run went wrong at step " in done.stderr
    assert "The learning rate was 1e+20; try a smaller one, such as --lr 0.1" in done.stderr
    assert (command.folder / "weights.npz").read_bytes() == before


def test_synthetic_digits_in_place_of_mnist_are_said_again_below_the_table(inline, cache):
    done = inline("train", "--epochs", 1, "--hidden", 2)

    assert done.returncode == 0
    assert "Warning: going on with the synthetic digits instead of MNIST" in done.stderr
    assert "on synthetic, seed 0" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1] == "synthetic digits: MNIST could not be reached"
