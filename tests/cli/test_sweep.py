"""The command `sweep`: the same bits as `train`, whatever happens on the way."""

import contextlib
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from swept import RECIPES, contents, said, same, wait_until, write_recipes

SHORT = ("--epochs", 3, "--validation", 100, "--batch-size", 20)


@pytest.fixture
def sweep(command, digits_folder):
    """Run `mnist-bp sweep` on few digits."""

    def run(*arguments, **options):
        return command("sweep", *arguments, "--data-dir", digits_folder, **options)

    run.folder = command.folder
    return run


@pytest.fixture(scope="module")
def single(tmp_path_factory, digits_folder):
    """A folder of single runs of `train`, made by the commands that a dry run prints."""
    folder = tmp_path_factory.mktemp("single")

    def run(*words):
        command = [sys.executable, "-m", "mnist_bp", *map(str, words)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    words = ("--config", write_recipes(folder), *SHORT, "--seed", "0-1", "-o", "out")
    for line in run("sweep", *words, "--dry-run", "--data-dir", digits_folder):
        program, *arguments = shlex.split(line)
        assert program == "mnist-bp"
        run(*arguments, "--quiet")
    return folder / "out"


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_sweep_makes_what_single_runs_of_train_make(sweep, single, workers):
    words = ("--config", write_recipes(sweep.folder), *SHORT, "--seed", "0-1")
    done = sweep(*words, "-o", "out", "--workers", workers)
    assert (done.returncode, said(done.stderr)) == (0, [])
    assert same(sweep.folder / "out", single) == 2 * len(RECIPES)


def test_who_adds_values_gets_only_the_new_runs(sweep):
    folder = sweep.folder / "out"
    sweep("--seed", "0-1", *SHORT, "-o", "out")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    planned = sweep("--seed", "0-2", "--hidden", "20,50", *SHORT, "-o", "out", "--dry-run").stdout
    assert len(planned.splitlines()) == 4

    done = sweep("--seed", "0-2", "--hidden", "20,50", *SHORT, "-o", "out", "--json")

    found = json.loads(done.stdout)
    assert [each["n"] for each in found["settings"]] == [3, 3]
    assert len(list(folder.iterdir())) == 6
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_nothing_is_left_but_checkpoints_and_what_was_there(sweep):
    folder = sweep.folder / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "other.npz").write_bytes(b"mine")
    done = sweep("--seed", "0-1", *SHORT, "-o", "out")
    assert done.returncode == 0
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "other.npz").read_bytes() == b"mine"
    assert sorted(path.name for path in folder.iterdir()) == [
        "notes.txt",
        "other.npz",
        "seed-0.npz",
        "seed-1.npz",
    ]


def processes_below(parent):
    """Return the processes that a process has started, with those that they have."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in table.splitlines()]
    below = [pid for pid, above in pairs if above == parent]
    return below + [each for pid in below for each in processes_below(pid)]


LONG = ("--epochs", 30, "--validation", 100, "--batch-size", 5, "--seed", "0-3", "--lr", "0.05,0.1")


@pytest.fixture
def begun(digits_folder, command):
    """Start a sweep, and return it when the first checkpoint is there."""
    started = []

    def start(output, *arguments, wait=True):
        words = ["sweep", *LONG, *arguments, "-o", output, "--data-dir", digits_folder]
        process = subprocess.Popen(
            [sys.executable, "-m", "mnist_bp", *map(str, words)],
            cwd=command.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        folder = command.folder / output
        if wait:
            wait_until(lambda: list(folder.glob("*.npz")))
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, digits_folder):
    """The folder of a sweep that nothing has stopped."""
    folder = tmp_path_factory.mktemp("whole")
    words = ["sweep", *LONG, "-o", "out", "--data-dir", digits_folder, "--quiet"]
    subprocess.run([sys.executable, "-m", "mnist_bp", *map(str, words)], cwd=folder, check=True)
    return folder / "out"


@pytest.mark.posix
@pytest.mark.parametrize("killed", ["all", "one worker", "the parent alone"])
def test_whatever_is_killed_the_same_command_ends_with_the_same_bits(
    begun, sweep, whole, killed, full
):
    chance = random.Random(killed)
    for moment in range(20 if full else 2):
        name = f"out-{moment}"
        folder = sweep.folder / name
        process = begun(name, "--workers", 2)
        time.sleep(chance.uniform(0, 1.5))
        workers = processes_below(process.pid)
        victims = {"all": [process.pid, *workers], "one worker": workers[:1]}
        for pid in victims.get(killed, [process.pid]):
            # It may have just ended by itself.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
        ended = {
            path: path.stat().st_mtime_ns
            for path in folder.glob("*.npz")
            if contents(path) == contents(whole / path.name)
        }

        again = sweep(*LONG, "-o", name)

        assert again.returncode == 0
        assert same(folder, whole) == 8
        assert {path: path.stat().st_mtime_ns for path in ended} == ended


@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_one_signal_saves_every_run_and_the_same_command_goes_on(begun, sweep, whole, name):
    number = getattr(signal, name)
    process = begun("out", "--workers", 4)
    wait_until(lambda: len(list((sweep.folder / "out").glob("*.npz"))) == 4)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said(errors) == ["Stopped: what is done is saved; the same command goes on"]
    assert processes_below(process.pid) == []

    assert sweep(*LONG, "-o", "out").returncode == 0
    assert same(sweep.folder / "out", whole) == 8


@pytest.mark.posix
def test_a_second_sweep_in_the_folder_waits_and_then_finds_all_done(begun, sweep, whole):
    first = begun("out")
    second = sweep(*LONG, "-o", "out", "--json")
    assert "another sweep" in second.stderr
    assert sum(each["n"] for each in json.loads(second.stdout)["settings"]) == 8
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert same(sweep.folder / "out", whole) == 8


@pytest.mark.posix
def test_a_dry_run_waits_for_no_sweep(begun, sweep):
    process = begun("out", "--workers", 1)
    dry = sweep(*LONG, "-o", "out", "--dry-run")

    assert (dry.returncode, said(dry.stderr)) == (0, [])
    assert process.poll() is None
    assert len(dry.stdout.splitlines()) > 1


def test_failed_runs_are_listed_and_the_others_go_on(sweep):
    damaged = sweep.folder / "out" / "lr-0.1_seed-1.npz"
    damaged.parent.mkdir()
    damaged.write_bytes(b"damaged")
    words = ["--lr", "0.1,1e30", "--seed", "0-1", *SHORT, "-o", "out"]

    done = sweep(*words, "--json")

    assert done.returncode == 1
    assert said(done.stderr) == ["Error: 3 of 4 runs failed"]
    found = json.loads(done.stdout)
    assert [each["setting"] for each in found["settings"]] == [{"lr": 0.1}]
    reasons = {each["file"]: each["reason"] for each in found["failed"]}
    assert set(reasons) == {
        f"out/lr-{lr}_seed-{n}.npz" for lr, n in (("0.1", 1), ("1e+30", 0), ("1e+30", 1))
    }
    assert "not a weights file" in reasons["out/lr-0.1_seed-1.npz"]
    assert "try a smaller one, such as --lr 0.1" in reasons["out/lr-1e+30_seed-0.npz"]
    assert damaged.read_bytes() == b"damaged"

    table = sweep(*words).stdout
    assert "failed runs" in table
    assert "not a weights file" in table


def test_fail_fast_stops_at_the_first_failure(sweep):
    done = sweep(
        *("--lr", "1e30,0.1,0.2,0.3", "--epochs", 40, "--validation", 100, "--batch-size", 5),
        *("-o", "out", "--fail-fast", "--json", "--workers", 1),
    )
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert len(found["failed"]) == 1
    assert found["settings"] == []


def test_json_has_what_a_script_needs(sweep):
    done = sweep("--lr", "0.1,0.4", "--seed", "3,5", *SHORT, "-o", "out", "--json")
    assert said(done.stderr) == []
    found = json.loads(done.stdout)
    assert list(found) == ["measured_on", "settings", "failed"]
    assert (found["measured_on"], found["failed"]) == ("held-out", [])
    for each in found["settings"]:
        accuracies = [run["accuracy"] for run in each["runs"]]
        assert each["mean"] == pytest.approx(np.mean(accuracies))
        assert each["sd"] == pytest.approx(np.std(accuracies, ddof=1))
        assert (each["n"], each["min"], each["max"]) == (2, min(accuracies), max(accuracies))
        assert [run["seed"] for run in each["runs"]] == [3, 5]
        for run in each["runs"]:
            with np.load(sweep.folder / run["file"]) as archive:
                assert archive["history"]["test_accuracy"][-1] == run["accuracy"]
                assert archive["history"]["seconds"].sum() == pytest.approx(run["seconds"])
    means = [each["mean"] for each in found["settings"]]
    assert means == sorted(means, reverse=True)


def test_the_table_compares_on_held_out_digits_and_ends_with_the_final_command(sweep, command):
    done = sweep("--lr", "0.0001,0.4", "--seed", "0-2", *SHORT, "-o", "out")
    lines = done.stdout.splitlines()
    assert lines[0] == "held-out accuracy on custom"
    assert lines[1].split() == ["lr", "n", "mean", "sd", "least", "most", "seconds"]
    assert lines[3].split()[0] == "0.4"
    assert lines[3].split()[-1] == "best"
    assert lines[-1].startswith("mnist-bp sweep --epochs 3 --batch-size 20 --lr 0.4 --seed 3-5")

    final = command(*shlex.split(lines[-1])[1:], "--json")
    found = json.loads(final.stdout)
    assert found["measured_on"] == "test"
    assert [run["seed"] for run in found["settings"][0]["runs"]] == [3, 4, 5]


def test_what_cannot_be_told_apart_is_said(sweep):
    two = sweep("--lr", "0.4,0.41", "--seed", "0-1", *SHORT, "-o", "out").stdout
    assert "tied: cannot be told from the best (paired by seed, 95 %)" in two
    one = sweep("--lr", "0.4,0.41", *SHORT, "-o", "out").stdout
    assert "with one seed, settings cannot be told apart" in one


def test_a_best_value_at_the_end_of_what_was_tried_has_a_hint(sweep):
    def hints(*arguments):
        # In one folder, no run is trained twice.
        lines = sweep(*SHORT, "--seed", "0-2", *arguments, "-o", "out").stdout.splitlines()
        return [line for line in lines if "that was tried" in line]

    three = "--lr", "0.001,0.01,0.4"
    largest = "the best --lr is the largest that was tried: try larger ones too"
    assert hints(*three) == [largest]
    assert hints(*three, "--init", "normal,he") == [largest]
    assert hints("--batch-size", "5,50,400") == [
        "the best --batch-size is the smallest that was tried: try smaller ones too"
    ]
    # Two values, a best one between others, one seed, a limit, or no number: nothing to follow.
    assert hints("--lr", "0.001,0.4") == []
    assert hints("--lr", "0.01,0.4,1000") == []
    assert hints(*three, "--seed", "0") == []
    assert hints("--warmup", "0,0.9,1", "--lr", "0.4") == []
    assert hints("--init", "normal,he,xavier", "--lr", "0.4") == []


def test_with_seeds_alone_the_test_digits_are_used(sweep):
    done = sweep("--seed", "0-1", "--epochs", 2, "-o", "out")
    assert done.stdout.startswith("test accuracy on custom")
    assert "mnist-bp sweep" not in done.stdout


def test_comparing_on_the_test_digits_is_warned_of(sweep):
    done = sweep("--lr", "0.1,0.2", "--epochs", 1, "--validation", 0, "-o", "out")
    assert done.returncode == 0
    assert "partly luck" in done.stderr


def test_a_second_setting_changes_the_default_of_validation_so_it_is_asked_for(sweep):
    sweep("--epochs", 1, "-o", "out")
    done = sweep("--epochs", 1, "--lr", "0.1,0.2", "-o", "out")
    assert done.returncode == 2
    assert "--validation" in done.stderr
    assert sweep("--epochs", 1, "--lr", "0.1,0.2", "--validation", 0, "-o", "out").returncode == 0


def test_runs_of_several_machines_are_pointed_out(sweep):
    sweep("--seed", "0-1", *SHORT, "-o", "out")
    path = sweep.folder / "out" / "seed-1.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **arrays | {"versions": np.array("another machine")})
    table = sweep("--seed", "0-1", *SHORT, "-o", "out").stdout
    assert "the last bits of these runs may differ" in table
    assert "\n  another machine\n" in table


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--lr", "0.1,much"), "--lr must be a number above 0, not much"),
        (("--hidden", "50,0"), "--hidden must be a whole number from 1 to 10,000, not 0"),
        (("--seed", "4-0"), "low-high, not 4-0"),
        (("--seed", "0-999999999"), "low-high, not 0-999999999"),
        (("--lr", "0.1-0.3"), "--lr must be a number above 0, not 0.1-0.3"),
        (("--optimizer", "sgd,nesterov"), "for nesterov"),
        (("--validation", "0,100"), "--validation must be the same"),
        (("--config", "none,small"), "there is no recipe none"),
        (("--lr", "0.1,0.2"), "--validation must be below 530"),
        (("--dask", "tcp://127.0.0.1:1", "--workers", 2), "--workers"),
    ],
)
def test_all_values_are_checked_before_anything_runs(sweep, arguments, problem):
    done = sweep(*arguments, "--epochs", 1, "-o", "out")
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(said(done.stderr)) == 1
    assert not (sweep.folder / "out").exists()


def test_the_folder_may_not_be_a_file(sweep):
    (sweep.folder / "out").write_text("")
    done = sweep("--epochs", 1, "-o", "out")
    assert done.returncode == 2
    assert "out cannot be made a folder" in done.stderr


def test_a_file_of_another_run_is_found_before_anything_runs(sweep):
    sweep("--seed", "1", *SHORT, "-o", "out")
    done = sweep("--seed", "0-1", "--hidden", 20, *SHORT, "-o", "out")
    assert done.returncode == 2
    assert "out/seed-1.npz is another run: its hidden is 50, not 20" in done.stderr
    assert [path.name for path in (sweep.folder / "out").iterdir()] == ["seed-1.npz"]


@pytest.mark.posix
def test_the_dry_run_resumes_what_was_broken_off(begun, sweep, command, whole):
    process = begun("out", "--workers", 1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    lines = sweep(*LONG, "-o", "out", "--dry-run").stdout.splitlines()
    assert sum("--resume" in line for line in lines) == 1
    for line in lines:
        assert command(*shlex.split(line)[1:], "--quiet").returncode == 0
    assert same(sweep.folder / "out", whole) == 8


def test_built_in_recipes_are_swept_like_values(sweep):
    done = sweep(
        "--config", "book,small", "--epochs", 1, "--validation", 100, "-o", "out", "--json"
    )
    found = json.loads(done.stdout)
    assert {each["setting"]["config"] for each in found["settings"]} == {"book", "small"}


def test_the_runs_of_a_sweep_are_an_ensemble(sweep, command, digits_folder):
    sweep("--seed", "0-2", *SHORT, "-o", "out")
    files = sorted((sweep.folder / "out").glob("*.npz"))
    done = command("evaluate", *files, "--data-dir", digits_folder, "--json")
    assert json.loads(done.stdout)["samples"] == 200


def test_quiet_prints_nothing(sweep):
    done = sweep("--seed", "0-1", *SHORT, "-o", "out", "--quiet")
    assert (done.returncode, done.stdout, said(done.stderr)) == (0, "", [])


def test_modules_of_the_current_folder_replace_none_of_the_runs(sweep):
    (sweep.folder / "random.py").write_text("raise SystemExit('the wrong module')")
    command = "import sys; sys.path.pop(0); from mnist_bp.__main__ import main; main()"
    words = ["sweep", *SHORT, "-o", "out", "--dataset", "synthetic"]
    done = sweep(shell=[sys.executable, "-c", command, *map(str, words)])
    assert done.returncode == 0


@pytest.mark.parametrize("value", ["0-4", "1,2"])
def test_train_with_several_values_names_the_command_that_takes_them(command, value):
    done = command("train", "--seed", value)
    assert done.returncode == 2
    assert "the command sweep" in done.stderr
