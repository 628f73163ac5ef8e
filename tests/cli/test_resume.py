"""Resuming by the command: more epochs, after signals, after a kill, beside another run."""

import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import assert_same, change_arrays, four_arrays

from mnist_bp.runs.checkpoint import load_checkpoint
from mnist_bp.runs.run import Run

SHORT = ("--hidden", 6, "--lr", 0.3)


def test_the_command_goes_on_with_more_epochs(command, inline, digits_folder):
    digits = ("--data-dir", digits_folder)
    inline("train", *SHORT, "--epochs", 4, *digits, "--output", "whole.npz")
    inline("train", *SHORT, "--epochs", 2, *digits)

    done = inline("train", "--resume", "weights.npz", "--epochs", 4, *digits)

    assert done.returncode == 0, done.stderr
    rows, curve = done.stdout.split("accuracy, epochs 1 to 4")
    assert [line.split()[0] for line in rows.splitlines()[3:]] == ["3", "4"]
    assert "|" in curve
    assert_same(command.folder / "whole.npz", command.folder / "weights.npz")
    assert not (command.folder / "weights.1.npz").exists()


def test_a_resumed_run_may_go_on_in_another_file(command, inline, digits_folder):
    digits = ("--data-dir", digits_folder)
    inline("train", *SHORT, "--epochs", 1, *digits)
    before = (command.folder / "weights.npz").read_bytes()

    inline("train", "--resume", "weights.npz", "--epochs", 2, "--output", "more.npz", *digits)

    assert (command.folder / "weights.npz").read_bytes() == before
    assert load_checkpoint(command.folder / "more.npz").epochs == 2


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--lr", "0.2"], 2, "where it is 0.3: leave it out, or train a new net"),
        (["--config", "book"], 2, "lr = 0.1 contradicts weights.npz, where it is 0.3"),
        (["--epochs", "1"], 2, "epochs = 1 contradicts weights.npz, where it is 2"),
        (["--epochs", "3", "--dataset", "synthetic"], 2, "dataset = synthetic contradicts"),
    ],
)
def test_what_contradicts_the_file_is_refused(inline, digits_folder, arguments, status, message):
    digits = () if "--dataset" in arguments else ("--data-dir", digits_folder)
    inline("train", *SHORT, "--epochs", 2, "--data-dir", digits_folder)

    done = inline("train", "--resume", "weights.npz", *arguments, *digits)

    assert done.returncode == status
    assert message in done.stderr


def test_four_arrays_alone_cannot_be_resumed(command, inline, digits_folder):
    np.savez(command.folder / "w.npz", **four_arrays())

    done = inline("train", "--resume", "w.npz", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert "w.npz cannot be resumed: it holds the four arrays alone" in done.stderr


def test_a_resumed_run_that_leaves_its_schedule_says_so(inline, digits_folder):
    digits = ("--data-dir", digits_folder)
    inline("train", *SHORT, "--epochs", 1, "--schedule", "cosine", *digits)

    done = inline("train", "--resume", "weights.npz", "--epochs", 2, *digits)

    assert done.returncode == 0
    assert "follows the schedule of 2 epochs, no longer that of 1" in done.stderr


def start(command, *arguments, **options):
    """Start a long run, and wait until it has printed the row of its first epoch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", "train", *map(str, arguments)],
        cwd=command.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    for line in process.stdout:
        if line.split()[0] == "1":
            break
    return process


@pytest.mark.posix
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_saves_and_says_how_to_go_on(command, digits_folder, name, status):
    digits = ("--data-dir", digits_folder)
    long = (*SHORT, "--batch-size", 2, "--epochs", 400)
    process = start(command, *long, *digits)
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=60)

    assert process.returncode == status
    last = errors.splitlines()[-1]
    assert last.startswith("Stopped: ")
    assert "to resume: mnist-bp train --resume weights.npz" in last
    saved = load_checkpoint(command.folder / "weights.npz")
    more = saved.epochs + 2
    command("train", *long[:-1], more, *digits, "--output", "whole.npz", "--quiet")
    words = shlex.split(re.search("to resume: mnist-bp (.*)", last)[1])

    # The recipe said 400 epochs; a few will do to compare.
    recipe = saved.recipe.to_toml().replace("epochs = 400", f"epochs = {more}")
    change_arrays(command.folder / "weights.npz", recipe=recipe)
    done = command(*words)

    assert done.returncode == 0, done.stderr
    assert_same(command.folder / "whole.npz", command.folder / "weights.npz")


@pytest.mark.posix
def test_many_ctrl_cs_leave_a_whole_file(command, digits_folder):
    process = start(command, "--epochs", 4000, "--data-dir", digits_folder)
    for _ in range(20):
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode in (130, -signal.SIGINT)
    load_checkpoint(command.folder / "weights.npz")


def test_a_run_killed_at_any_moment_leaves_a_file_that_goes_on(
    command, digits_folder, dataset, full
):
    digits = ("--data-dir", digits_folder)
    rng = random.Random(0)
    arguments = (*SHORT, "--batch-size", 530, "--epochs", 100_000, *digits)
    for _ in range(100 if full else 4):
        process = start(command, *arguments, "--output", "w.npz")
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.communicate()

        saved = load_checkpoint(command.folder / "w.npz")
        assert saved.epochs >= 1
        resumed = Run.resume(saved, *dataset, epochs=saved.epochs + 1)
        assert [row.epoch for row in resumed] == [saved.epochs + 1]
    assert {path.name for path in command.folder.glob("w*")} >= {"w.npz", "w.1.npz", "w.2.npz"}
    # What killed runs left is removed when it is old.
    for path in command.folder.glob(".*.tmp"):
        os.utime(path, (0, 0))
    command("train", *SHORT, "--epochs", 1, *digits, "--output", "w.npz")
    assert not list(command.folder.glob(".*.tmp"))


def test_two_runs_with_one_output_lose_neither_file(command, digits_folder):
    (command.folder / "weights.npz").write_bytes(b"from before")
    arguments = (*SHORT, "--epochs", 60, "--data-dir", digits_folder)
    processes = [start(command, *arguments, "--seed", seed) for seed in (1, 2)]
    while any(process.poll() is None for process in processes):
        assert load_checkpoint(command.folder / "weights.npz").recipe.seed in (1, 2)
    for process in processes:
        process.communicate()

    assert load_checkpoint(command.folder / "weights.npz").epochs == 60
    kept = [path.read_bytes() for path in command.folder.glob("weights.*.npz")]
    assert b"from before" in kept


@pytest.mark.parametrize("more", [[], ["--epochs", "2"], ["--quiet"]])
def test_a_finished_run_has_nothing_to_do(command, inline, digits_folder, more):
    digits = ("--data-dir", digits_folder)
    inline("train", *SHORT, "--epochs", 2, *digits)
    before = (command.folder / "weights.npz").read_bytes()

    done = inline("train", "--resume", "weights.npz", *more, *digits)

    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing to do: weights.npz has finished its 2 epochs" in done.stderr
    assert (command.folder / "weights.npz").read_bytes() == before


def test_a_finished_run_is_saved_under_the_name_that_is_asked_for(command, inline, digits_folder):
    digits = ("--data-dir", digits_folder)
    inline("train", *SHORT, "--epochs", 2, *digits)

    done = inline("train", "--resume", "weights.npz", "--output", "b.npz", *digits)

    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing to do: weights.npz has finished its 2 epochs" in done.stderr
    assert done.stderr.splitlines()[-1] == "saved b.npz"
    assert_same(command.folder / "weights.npz", command.folder / "b.npz")


def test_a_file_of_format_1_is_evaluated_and_resumed(command, inline, digits_folder):
    digits = ("--data-dir", digits_folder)
    inline("train", *SHORT, "--epochs", 3, *digits, "--output", "whole.npz")
    inline("train", *SHORT, "--epochs", 2, *digits)
    change_arrays(
        command.folder / "weights.npz", format=1, progress=[2, 0], order=np.array([], int)
    )

    report = json.loads(inline("evaluate", "weights.npz", "--json", *digits).stdout)
    done = inline("train", "--resume", "weights.npz", "--epochs", 3, *digits)

    assert report["samples"] == 200
    assert done.returncode == 0, done.stderr
    assert_same(command.folder / "whole.npz", command.folder / "weights.npz")


@pytest.mark.posix
def test_ctrl_c_at_the_very_start_is_one_message(command, digits_folder, full):
    rng, ours = random.Random(0), 0
    arguments = ("train", *SHORT, "--epochs", 400, "--data-dir", digits_folder)
    words = [sys.executable, "-m", "mnist_bp", *map(str, arguments)]
    for _ in range(100 if full else 30):
        process = subprocess.Popen(
            words, cwd=command.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        if "__main__.py" not in errors and (not errors or "Traceback" in errors):
            continue  # Python itself had not started yet.
        ours += 1
        # An interrupt inside `exec` makes Python end itself by the signal, whoever caught it.
        assert process.returncode in (130, -signal.SIGINT), errors
        assert errors.splitlines()[-1].startswith(("Error: interrupted", "Stopped: ")), errors
        assert "Traceback" not in errors
    assert ours >= 10


@pytest.mark.posix
def test_a_signal_before_the_first_epoch_saves_too(command, digits_folder):
    # One long epoch: what is saved is part of it.
    long = ("--batch-size", 1, "--hidden", 2000, "--epochs", 1)
    process = subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", "train", *map(str, long), "--data-dir", digits_folder],
        cwd=command.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.split()[0] == "0":
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 130, errors
    assert "everything is saved" in errors
    saved = load_checkpoint(command.folder / "weights.npz")
    assert saved.epochs == 0
    assert 0 < len(saved.step_losses) < 530


def test_a_long_history_takes_little_memory_to_resume(command, inline, digits_folder, peak_of):
    digits = ("--data-dir", digits_folder)
    inline("train", "--hidden", 1, "--batch-size", 1, "--epochs", 1, *digits)
    path = command.folder / "weights.npz"
    epochs = 30_000
    with np.load(path) as archive:
        arrays = dict(archive)
    history = np.zeros(epochs + 1, arrays["history"].dtype)
    history["epoch"] = np.arange(epochs + 1)
    arrays["history"] = history
    arrays["step_losses"] = np.zeros(530 * epochs, np.float32)
    arrays["recipe"] = str(arrays["recipe"]).replace("epochs = 1\n", f"epochs = {epochs}\n")
    np.savez_compressed(path, **arrays)
    assert path.stat().st_size < 500_000

    assert peak_of("train", "--resume", "weights.npz", *digits) < 300
