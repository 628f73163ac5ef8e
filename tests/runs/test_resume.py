"""Runs that lose nothing: resumed, interrupted, killed, out of disk, or gone wrong."""

import os
import random
import re
import resource
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mnist_bp.cli.signals import deferred_signals
from mnist_bp.data.sources import read_digits
from mnist_bp.errors import DivergedError, WeightsError
from mnist_bp.functions import scale_pixels
from mnist_bp.runs.checkpoint import EpochResult, load_checkpoint
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.run import Run, train

RECIPES = [
    Recipe(epochs=6, hidden=6, lr=0.3, batch_size=50),
    Recipe(epochs=6, hidden=6, lr=0.3, batch_size=50, sampling="replacement"),
    Recipe(
        epochs=6,
        hidden=6,
        batch_size=50,
        optimizer="nesterov",
        momentum=0.9,
        lr=0.03,
        schedule="cosine",
        weight_decay=0.01,
        label_smoothing=0.1,
        init="he",
        rotation=10,
        elastic=1,
    ),
    Recipe(
        epochs=6,
        hidden=6,
        batch_size=50,
        optimizer="adam",
        lr=0.01,
        schedule="linear",
        warmup=0.2,
        shift=1,
    ),
]


@pytest.fixture(scope="module")
def dataset(digits_folder):
    return read_digits(["train", "test"], data_dir=digits_folder)


def run_until(run, dataset, step):
    """Train until a number of steps is done, and leave the run as it is then."""
    for _ in train(run, *dataset, lambda: len(run.step_losses) == step):
        pass
    return run


def assert_same(first, second):
    """Two weights files hold the same run, to the bit; only the clock may differ."""
    with np.load(first) as a, np.load(second) as b:
        assert a.files == b.files
        for name in a.files:
            if name == "history":
                for column in ("epoch", "loss", "train_accuracy", "test_accuracy"):
                    assert a[name][column].tobytes() == b[name][column].tobytes()
            else:
                assert a[name].tobytes() == b[name].tobytes(), name


@pytest.mark.parametrize(
    "recipe", RECIPES, ids=["sgd", "replacement", "nesterov, elastic", "adam, shift"]
)
def test_a_run_that_was_stopped_anywhere_ends_as_if_it_had_not_been(
    dataset, tmp_path, full, recipe
):
    digits, _ = dataset
    whole = run_until(Run(recipe), dataset, None)
    save_checkpoint(tmp_path / "whole.npz", whole.weights(digits))
    per_epoch = len(whole.step_losses) // recipe.epochs
    rng = random.Random(0)
    ends = [per_epoch * epoch for epoch in (range(1, 6) if full else (1, 5))]
    anywhere = [rng.randrange(1, per_epoch * 6) for _ in range(20 if full else 3)]

    for step in [*ends, *anywhere]:
        save_checkpoint(
            tmp_path / "part.npz", run_until(Run(recipe), dataset, step).weights(digits)
        )
        resumed = Run.resumed(load_checkpoint(tmp_path / "part.npz"), recipe, len(digits))
        save_checkpoint(tmp_path / "end.npz", run_until(resumed, dataset, None).weights(digits))
        assert_same(tmp_path / "whole.npz", tmp_path / "end.npz")


SHORT = ("--hidden", 6, "--lr", 0.3)


def test_the_command_goes_on_with_more_epochs(command, digits_folder):
    digits = ("--data-dir", digits_folder)
    command("train", *SHORT, "--epochs", 4, *digits, "--output", "whole.npz")
    command("train", *SHORT, "--epochs", 2, *digits)

    done = command("train", "--resume", "weights.npz", "--epochs", 4, *digits)

    assert done.returncode == 0, done.stderr
    rows, curve = done.stdout.split("accuracy, epochs 1 to 4")
    assert [line.split()[0] for line in rows.splitlines()[3:]] == ["3", "4"]
    assert "|" in curve
    assert_same(command.folder / "whole.npz", command.folder / "weights.npz")
    assert not (command.folder / "weights.1.npz").exists()


def test_a_resumed_run_may_go_on_in_another_file(command, digits_folder):
    digits = ("--data-dir", digits_folder)
    command("train", *SHORT, "--epochs", 1, *digits)
    before = (command.folder / "weights.npz").read_bytes()

    command("train", "--resume", "weights.npz", "--epochs", 2, "--output", "more.npz", *digits)

    assert (command.folder / "weights.npz").read_bytes() == before
    assert load_checkpoint(command.folder / "more.npz").epochs == 2


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--lr", "0.2"], 2, "lr = 0.2 contradicts weights.npz, where it is 0.3"),
        (["--config", "book"], 2, "lr = 0.1 contradicts weights.npz, where it is 0.3"),
        ([], 2, "weights.npz has finished 1 epochs: to go on, name a larger number"),
        (["--epochs", "1"], 2, "weights.npz has finished 1 epochs"),
        (["--epochs", "3", "--dataset", "synthetic"], 2, "--dataset synthetic contradicts"),
    ],
)
def test_what_contradicts_the_file_is_refused(command, digits_folder, arguments, status, message):
    digits = () if "--dataset" in arguments else ("--data-dir", digits_folder)
    command("train", *SHORT, "--epochs", 1, "--data-dir", digits_folder)

    done = command("train", "--resume", "weights.npz", *arguments, *digits)

    assert done.returncode == status
    assert message in done.stderr


def test_four_arrays_alone_cannot_be_resumed(command, digits_folder):
    shapes = {"W1": (784, 3), "b1": 3, "W2": (3, 10), "b2": 10}
    np.savez(command.folder / "w.npz", **{name: np.ones(shape) for name, shape in shapes.items()})

    done = command("train", "--resume", "w.npz", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert "w.npz cannot be resumed: it holds the four arrays alone" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"progress": [5, 0]},
        {"progress": [1, 999]},
        {"progress": [1, 3]},
        {"progress": [-1, 22]},
        {"step_losses": np.ones(3, np.float32)},
        {"step_losses": np.float32(1)},
        {"step_losses": np.full(11, np.nan, np.float32)},
        {"order": np.arange(529)},
        {"order": np.arange(1, 531)},
        {"order": np.arange(530.0)},
        {"optimizer.velocity.W1": np.ones((784, 6), np.float32)},
        {"W1": np.zeros((784, 7)), "b1": np.zeros(7), "W2": np.zeros((7, 10))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_record_that_contradicts_itself_cannot_be_resumed(dataset, tmp_path, change):
    assert_refused(RECIPES[0], change, dataset, tmp_path / "w.npz")


NESTEROV, ADAM = RECIPES[2:]


@pytest.mark.parametrize(
    ("recipe", "name", "array"),
    [
        (NESTEROV, "velocity.W1", np.ones(3, np.float32)),
        (NESTEROV, "velocity.W1", np.ones((784, 6))),
        (NESTEROV, "velocity.W1", np.full((784, 6), "x")),
        (NESTEROV, "velocity.W1", np.full((784, 6), np.nan, np.float32)),
        (ADAM, "t", np.array(-1)),
        (ADAM, "t", np.array(10)),
    ],
)
def test_what_the_optimizer_remembered_has_to_fit(dataset, tmp_path, recipe, name, array):
    assert_refused(recipe, {f"optimizer.{name}": array}, dataset, tmp_path / "w.npz")


def assert_refused(recipe, change, dataset, path):
    """Stop a run, change arrays of its file, and see that it cannot be resumed."""
    digits, _ = dataset
    save_checkpoint(path, run_until(Run(recipe), dataset, 11).weights(digits))
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **arrays | change)

    with pytest.raises(WeightsError, match="does not fit"):
        Run.resumed(load_checkpoint(path), recipe, len(digits))


def test_a_resumed_run_that_leaves_its_schedule_says_so(command, digits_folder):
    digits = ("--data-dir", digits_folder)
    command("train", *SHORT, "--epochs", 1, "--schedule", "cosine", *digits)

    done = command("train", "--resume", "weights.npz", "--epochs", 2, *digits)

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


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(command, digits_folder, number, status):
    digits = ("--data-dir", digits_folder)
    long = (*SHORT, "--batch-size", 2, "--epochs", 400)
    process = start(command, *long, *digits)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == status
    last = errors.splitlines()[-1]
    assert "to go on: mnist-bp train --resume weights.npz" in last
    saved = load_checkpoint(command.folder / "weights.npz")
    more = saved.epochs + 2
    command("train", *long[:-1], more, *digits, "--output", "whole.npz", "--quiet")
    words = shlex.split(re.search("to go on: mnist-bp (.*)", last)[1])

    # The recipe said 400 epochs; a few will do to compare.
    patched = dict(np.load(command.folder / "weights.npz"))
    patched["recipe"] = str(patched["recipe"]).replace("epochs = 400", f"epochs = {more}")
    np.savez(command.folder / "weights.npz", **patched)
    done = command(*words)

    assert done.returncode == 0, done.stderr
    assert_same(command.folder / "whole.npz", command.folder / "weights.npz")


def test_the_first_signal_is_noticed_and_the_second_acts():
    with deferred_signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


def test_many_ctrl_cs_leave_a_whole_file(command, digits_folder):
    process = start(command, "--epochs", 4000, "--data-dir", digits_folder)
    for _ in range(20):
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode in (130, -signal.SIGINT)
    load_checkpoint(command.folder / "weights.npz")


def test_a_run_killed_at_any_moment_leaves_a_file_that_goes_on(command, digits_folder, full):
    digits = ("--data-dir", digits_folder)
    rng = random.Random(0)
    arguments = (*SHORT, "--batch-size", 530, "--epochs", 100_000, *digits)
    training_digits = read_digits(["train"], data_dir=digits_folder)[0]
    for _ in range(100 if full else 4):
        process = start(command, *arguments, "--output", "w.npz")
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.communicate()

        saved = load_checkpoint(command.folder / "w.npz")
        assert saved.epochs >= 1
        Run.resumed(saved, saved.recipe, 530).step(
            scale_pixels(training_digits.images[:10]), training_digits.labels[:10], 0.1
        )
    assert {path.name for path in command.folder.glob("w*")} >= {"w.npz", "w.1.npz", "w.2.npz"}
    # Each run swept up what the one before it left; an empty file is given some seconds.
    left = [path for path in command.folder.glob(".*.tmp") if path.stat().st_size]
    assert len(left) <= 1


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


def test_a_full_disk_stops_no_run_and_destroys_no_file(command, digits_folder):
    path = command.folder / "weights.npz"
    path.write_bytes(b"from before")

    done = command(
        *("train", *SHORT, "--epochs", 2, "--data-dir", digits_folder),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)),
    )

    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()[3:]] == ["0", "1", "2"]
    assert done.stderr.count("Warning: weights.npz cannot be written: File too large") == 2
    assert "Error: the weights after epoch 2 are lost" in done.stderr
    assert path.read_bytes() == b"from before"
    assert (command.folder / "weights.1.npz").read_bytes() == b"from before"


def test_a_run_that_goes_wrong_leaves_the_last_good_file(command, digits_folder):
    digits = ("--data-dir", digits_folder)
    command("train", *SHORT, "--epochs", 1, *digits)
    before = (command.folder / "weights.npz").read_bytes()

    done = command("train", "--lr", "1e20", "--epochs", 2, *digits)

    assert done.returncode == 1
    assert "the run went wrong at step " in done.stderr
    assert "The learning rate was 1e+20; try a smaller one" in done.stderr
    assert (command.folder / "weights.npz").read_bytes() == before


def test_a_net_that_has_died_is_noticed(dataset):
    run = Run(Recipe(epochs=5, hidden=6, lr=0.3))

    def kill_it():
        if len(run.step_losses) == 8:
            run.net.params["b1"] -= 1000

    with pytest.raises(DivergedError, match="at step 9: no hidden unit fires any more"):
        list(train(run, *dataset, kill_it))


@pytest.mark.parametrize(
    ("loss", "reason"),
    [(2.2, "too small"), (2.3, "too small"), (2.30001, "too small"), (2.31, "too large")],
)
def test_a_loss_that_only_rounding_raised_is_no_sign_of_a_large_rate(loss, reason):
    run = Run(Recipe())
    run.history = [EpochResult(0, 2.3, 0.1, 0.1, 0.0), EpochResult(1, loss, 0.1, 0.1, 0.0)]

    assert f"may be far {reason}" in run.doubt


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--weight-init-std", "0"], "all weights started at zero"),
        (["--lr", "1e-7"], "may be far too small"),
        (["--lr", "30", "--activation", "sigmoid", "--batch-size", "5"], "may be far too large"),
    ],
)
def test_a_run_that_learns_nothing_gets_a_warning(command, arguments, reason):
    done = command("train", "--dataset", "synthetic", "--epochs", 1, *arguments)

    assert done.returncode == 0
    assert "Warning: the net has learnt nothing yet, it guesses: " in done.stderr
    assert reason in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--hidden", "100000000"], ["--batch-size", "1000000000"]], ids=" ".join
)
def test_what_fits_no_memory_is_refused_with_its_size(command, arguments):
    done = command("train", "--dataset", "synthetic", *arguments)

    assert done.returncode == 2
    assert re.search(r"this needs [\d,]{12,} bytes of memory", done.stderr)


def test_the_largest_seed_is_a_seed(command, digits_folder):
    done = command("train", *SHORT, "--epochs", 1, "--seed", 2**63 - 1, "--data-dir", digits_folder)

    assert done.returncode == 0


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
