"""The command itself, in a process of its own: output, streams, exit statuses, messages."""

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mnist_bp
from mnist_bp import TwoLayerNet
from mnist_bp.data.idx import read_idx
from mnist_bp.functions import scale_pixels
from mnist_bp.runs.checkpoint import load_checkpoint

ESCAPE = "\x1b"


SHORT = ("--epochs", 2, "--hidden", 8, "--lr", 0.5)


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory, digits_folder):
    path = tmp_path_factory.mktemp("trained") / "trained.npz"
    arguments = ("train", *SHORT, "--data-dir", digits_folder, "--output", path)
    subprocess.run([sys.executable, "-m", "mnist_bp", *map(str, arguments)], check=True)
    return path


@pytest.fixture
def trained(command, trained_once):
    """The path of weights that the command trained for two epochs."""
    return shutil.copy(trained_once, command.folder)


def in_terminal(*arguments, cwd, **environment):
    """Run the command with both streams on a terminal of 100 columns; return what it showed."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", "100", "rows", "40"], stdin=theirs, check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "mnist_bp", *map(str, arguments)],
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=os.environ | {"TERM": "xterm-256color"} | environment,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # Linux says so when the other end is closed.
        pass
    os.close(ours)
    assert process.wait(60) == 0
    return shown.decode()


def test_version(command):
    assert command("--version").stdout == f"mnist-bp {mnist_bp.__version__}\n"


@pytest.mark.parametrize("name", ["", "download", "gradcheck", "train", "evaluate", "predict"])
def test_help_shows_examples(command, name):
    done = command(*name.split(), "--help")

    assert done.returncode == 0
    assert done.stderr == ""
    assert "Examples:" in done.stdout
    assert f"mnist-bp {name}".rstrip() in done.stdout.split("Examples:")[1]


def test_without_arguments_the_command_shows_its_help(command):
    done = command()

    assert "Usage: mnist-bp" in done.stdout + done.stderr
    assert done.returncode == 2


def test_the_shell_completes_commands_and_options(command):
    def complete(words):
        environment = {
            "_MNIST_BP_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        return command(env=os.environ | environment).stdout.split()

    assert complete("mnist-bp tr") == ["train"]
    assert complete("mnist-bp train --ep") == ["--epochs"]


HEAVY = {"numpy", "requests", "http.client", "rich", "tqdm", "threadpoolctl", "platformdirs"} | {
    "matplotlib",
    "jinja2",
    "PIL",
}
NUMERIC = {"numpy", "rich", "threadpoolctl"}


@pytest.mark.parametrize(
    ("words", "imported"),
    [
        ("--version", set()),
        ("--help", set()),
        ("train --help", set()),
        ("train --lr x", {"rich"}),
        ("train --epochs 1 --hidden 5 --data-dir {digits}", NUMERIC),
        ("gradcheck --hidden 2 --data-dir {digits}", NUMERIC),
        ("evaluate {trained} --data-dir {digits}", NUMERIC),
    ],
)
def test_no_command_imports_what_it_does_not_use(words, imported, digits_folder, trained, tmp_path):
    given = words.format(digits=digits_folder, trained=trained).split()
    script = (
        f"import sys; sys.argv[1:] = {given}\n"
        "from mnist_bp.cli.app import main\n"
        "try: main()\n"
        f"finally: print('imported', *({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )

    assert set(done.stdout.splitlines()[-1].split()[1:]) == imported


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--lr", "-1"], "--lr must be a number above 0, not -1"),
        (["train", "--lr", "nan"], "--lr must be a number above 0, not nan"),
        (["train", "--lr", "fast"], "--lr must be a number above 0, not fast"),
        (["train", "--epochs", "0"], "--epochs must be a whole number from 1 to 1000000000, not 0"),
        (
            ["train", "--epochs", "1.5"],
            "--epochs must be a whole number from 1 to 1000000000, not 1.5",
        ),
        (["train", "--batch-size", "0"], "--batch-size must be a whole number, at least 1, not 0"),
        (["train", "--hidden", "0"], "--hidden must be a whole number, at least 1, not 0"),
        (["train", "--seed", "-1"], "--seed must be a whole number from 0 to"),
        (["train", "--sampling", "all"], "--sampling must be one of shuffle, replacement, not all"),
        (["train", "--config", "nowhere.toml"], "there is no recipe nowhere.toml"),
        (["train", "--config", "bad.toml"], "momentums is no hyperparameter; there are epochs,"),
        (["train", "--output", "no/w.npz"], "--output no/w.npz: there is no folder no"),
        (["train", "--output", "."], "--output .: this is a folder"),
        (["train", "--log", "no/log"], "--log no/log: there is no folder no"),
        (["train", "--log", "weights.npz"], "--log weights.npz is where the weights go"),
        (["train", "--output", "w" * 250], "it cannot be written: File name too long"),
        (["train", "--config", ""], "the recipe . cannot be read: Is a directory"),
        (["train", "--hidden", "9" * 30], "bytes of memory"),
        (["gradcheck", "--hidden", "9" * 30], "bytes of memory"),
        (["train", "--data-dir", "no"], "no is not a folder"),
        (["train", "--epoch", "3"], "No such option: --epoch"),
        (["gradcheck", "--samples", "0"], "--samples must be a whole number, at least 1, not 0"),
        (["gradcheck", "--samples", "531"], "--samples must be at most 530"),
        (["gradcheck", "--step", "0"], "--step must be a number from 1e-10 to 1, not 0"),
        (["gradcheck", "--activation", "tanh"], "--activation must be one of relu, sigmoid"),
        (["evaluate", "nowhere.npz"], "nowhere.npz cannot be read: there is no such file"),
        (["evaluate", "."], ". cannot be read: it is a folder"),
        (["evaluate", "trained.npz", "--split", "all"], "--split must be one of test, train"),
        (["evaluate"], "Missing argument 'CHECKPOINT...'"),
        (["learn"], "No such command 'learn'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_message_and_exit_status_2(
    command, digits_folder, monkeypatch, arguments, message
):
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(digits_folder))
    (command.folder / "bad.toml").write_text("momentums = 0.9")

    done = command(*arguments)

    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert done.stderr.count("Error: ") == 1
    assert "Traceback" not in done.stderr


def test_the_debug_switch_shows_the_traceback(command, monkeypatch):
    monkeypatch.setenv("MNIST_BP_DEBUG", "1")

    assert "Traceback" in command("evaluate", "nowhere.npz").stderr


def test_data_that_cannot_be_used_is_one_message_and_exit_status_1(command, tmp_path):
    done = command("train", "--data-dir", tmp_path)

    assert done.returncode == 1
    assert "lacks train-images-idx3-ubyte.gz, train-labels" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_run_that_diverges_is_one_message_and_exit_status_1(command, digits_folder):
    done = command("train", "--lr", "1e30", "--data-dir", digits_folder)

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
        assert archive["progress"].tolist() == [2, 0]
        assert "hidden = 8\n" in str(archive["recipe"])


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_output_that_is_no_terminal_is_plain(command, digits_folder, environment):
    done = command(
        "train", *SHORT, "--data-dir", digits_folder, env=os.environ | environment, text=False
    )

    for stream in (done.stdout, done.stderr):
        assert ESCAPE.encode() not in stream
        assert b"\r" not in stream
    assert b"%" not in done.stderr


def test_a_terminal_gets_a_bar_and_colours(command, digits_folder, trained):
    arguments = ("--data-dir", digits_folder)
    shown = in_terminal("train", *SHORT, *arguments, cwd=command.folder)
    matrix = in_terminal("evaluate", trained, *arguments, cwd=command.folder)

    assert "step/s" in shown
    assert ESCAPE in shown
    assert f"{ESCAPE}[" in matrix


@pytest.mark.parametrize("name", ["", "train"])
def test_help_is_plain_text(command, name):
    assert ESCAPE not in in_terminal(*name.split(), "--help", cwd=command.folder)


def test_messages_do_not_garble_the_bar(command, digits_folder):
    (command.folder / "weights.npz").touch()

    # Slow enough for a bar to be on the screen when the first epoch ends.
    slow = ("--epochs", 1, "--hidden", 500, "--batch-size", 1)
    shown = in_terminal("train", *slow, "--data-dir", digits_folder, cwd=command.folder)

    (line,) = [part for part in re.split(r"[\r\n]", shown) if "older weights.npz" in part]
    assert line == "the older weights.npz is now also weights.1.npz"


def test_a_full_device_stops_no_run(command, digits_folder):
    for stream in ("stdout", "stderr"):
        with Path("/dev/full").open("w") as full_device:
            done = command(
                *("train", *SHORT, "--data-dir", digits_folder, "--output", f"{stream}.npz"),
                **{"stdout": None, "stderr": None, "capture_output": False} | {stream: full_device},
            )
        assert done.returncode == 0
        assert (command.folder / f"{stream}.npz").exists()


def test_a_net_whose_answers_are_not_finite_is_one_message(command, digits_folder):
    shapes = {"W1": (784, 3), "b1": 3, "W2": (3, 10), "b2": 10}
    arrays = {name: np.full(shape, 1e38, np.float32) for name, shape in shapes.items()}
    np.savez(command.folder / "w.npz", **arrays)

    done = command("evaluate", "w.npz", "--json", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "numbers that are not finite" in done.stderr
    assert "RuntimeWarning" not in done.stderr


def test_no_color_means_plain_text_in_a_terminal_too(command, digits_folder, trained):
    arguments = ("--data-dir", digits_folder)
    for name in (("train", *SHORT), ("evaluate", trained, "--mistakes", 2), ("gradcheck",)):
        shown = in_terminal(*name, *arguments, cwd=command.folder, NO_COLOR="1")
        assert ESCAPE not in shown
        assert "step/s" not in shown


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
        assert archive["progress"].tolist() == [30, 0]


def test_quiet_prints_nothing(command, digits_folder):
    done = command("train", *SHORT, "--quiet", "--data-dir", digits_folder)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"Warning: the digits in {digits_folder} are not MNIST's\n"
    assert (command.folder / "weights.npz").exists()


def test_the_log_gets_an_object_for_every_row(command, digits_folder):
    for _ in range(2):
        command("train", *SHORT, "--log", "run.jsonl", "--data-dir", digits_folder)

    rows = [json.loads(line) for line in (command.folder / "run.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 0, 1, 2]
    assert list(rows[0]) == ["epoch", "loss", "train_accuracy", "test_accuracy", "seconds"]
    assert rows[2]["loss"] == rows[5]["loss"]


def test_an_older_file_is_kept(command, digits_folder):
    path = command.folder / "weights.npz"
    path.write_text("years of work")

    done = command("train", *SHORT, "--data-dir", digits_folder)

    assert "the older weights.npz is now also weights.1.npz" in done.stderr
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


def test_evaluate_prints_its_tables(command, digits_folder, trained):
    done = command("evaluate", trained, "--mistakes", 3, "--data-dir", digits_folder)

    assert done.returncode == 0
    assert "on custom, test digits" in done.stdout
    assert "95 % interval" in done.stdout
    assert "of 200" in done.stdout
    assert "precision" in done.stdout
    assert "confusion" in done.stdout


def test_evaluate_prints_json(command, digits_folder, trained):
    for split, samples in (("test", 200), ("train", 530)):
        done = command("evaluate", trained, "--split", split, "--json", "--data-dir", digits_folder)
        report = json.loads(done.stdout)

        assert done.stdout.count("\n") == 1
        assert list(report) == [
            "dataset",
            "split",
            "samples",
            "errors",
            "accuracy",
            "loss",
            "confusion",
            "per_class",
        ]
        assert (report["split"], report["samples"]) == (split, samples)
        assert report["accuracy"] == (samples - report["errors"]) / samples
        assert sum(map(sum, report["confusion"])) == samples
        assert [each["digit"] for each in report["per_class"]] == list(range(10))


def test_evaluate_agrees_with_the_last_row_of_train(command, digits_folder, trained):
    with np.load(trained) as archive:
        last = archive["history"][-1]
    report = command("evaluate", trained, "--json", "--data-dir", digits_folder)

    assert json.loads(report.stdout)["accuracy"] == last["test_accuracy"]


def test_several_weights_files_are_one_ensemble(command, digits_folder):
    digits = ("--data-dir", digits_folder)
    names = ["a.npz", "b.npz"]
    for seed, name in enumerate(names):
        command("train", *SHORT, "--seed", seed, *digits, "--output", name)

    shown = command("evaluate", *names, *digits).stdout
    told = json.loads(command("evaluate", *names, "--json", *digits).stdout)
    alone = [json.loads(command("evaluate", name, "--json", *digits).stdout) for name in names]

    assert "a ensemble of 2 on custom, test digits" in shown
    assert [each["weights"] for each in told["members"]] == names
    assert [each["errors"] for each in told["members"]] == [each["errors"] for each in alone]
    assert told["samples"] == 200
    assert told["loss"] < max(each["loss"] for each in alone)
    for name, each in zip(names, alone, strict=True):
        (row,) = [line for line in shown.splitlines() if line.strip().startswith(name)]
        assert row.split()[1:3] == [f"{each['accuracy']:.4f}", str(each["errors"])]


def test_a_ensemble_trained_on_different_digits_needs_a_word(command, digits_folder, trained):
    command("train", *SHORT, "--dataset", "synthetic", "--output", "drawn.npz")

    done = command("evaluate", trained, "drawn.npz")

    assert done.returncode == 2
    assert "the nets were trained on different digits" in done.stderr
    assert "name --dataset" in done.stderr


def test_one_bad_file_of_a_ensemble_is_named(command, digits_folder, trained):
    (command.folder / "bad.npz").write_text("this is not it")

    done = command("evaluate", trained, "bad.npz", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "bad.npz is not a weights file" in done.stderr


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
    held_out = read_idx(tmp_path / "train-images-idx3-ubyte.gz", 3)[400:]
    labels = read_idx(tmp_path / "train-labels-idx1-ubyte.gz", 1)[400:]
    saved = load_checkpoint(command.folder / "weights.npz")
    net = TwoLayerNet.from_params(saved.params)
    assert net.accuracy(scale_pixels(held_out), labels) == rows[-1]["test_accuracy"]
    assert len(saved.step_losses) == rows[-1]["epoch"] * 4

    resumed = command("train", "--resume", "weights.npz", "--epochs", 5, *digits)
    assert resumed.returncode == 0, resumed.stderr


def test_no_more_digits_are_held_out_than_there_are(command, digits_folder):
    done = command("train", "--validation", 530, "--data-dir", digits_folder)

    assert done.returncode == 2
    assert "--validation must be below 530" in done.stderr


def test_evaluate_computes_with_the_activation_of_the_recipe(command, digits_folder):
    digits = ("--data-dir", digits_folder)
    sigmoid = ("--activation", "sigmoid", "--lr", 1, "--weight-init-std", 0.1)
    command("train", "--epochs", 8, "--hidden", 8, *sigmoid, *digits)
    with np.load(command.folder / "weights.npz") as archive:
        last = archive["history"][-1]

    report = json.loads(command("evaluate", "weights.npz", "--json", *digits).stdout)

    assert report["accuracy"] == last["test_accuracy"]
    assert report["accuracy"] > 0.5


def test_mistakes_are_drawn_in_characters_where_there_are_no_colours(
    command, digits_folder, tmp_path
):
    rng = np.random.default_rng(0)
    shapes = {"W1": (784, 3), "b1": 3, "W2": (3, 10), "b2": 10}
    np.savez(tmp_path / "w.npz", **{name: rng.normal(size=s) for name, s in shapes.items()})

    done = command("evaluate", tmp_path / "w.npz", "--mistakes", 3, "--data-dir", digits_folder)

    assert done.stdout.count(", taken for") == 3
    assert "the 3 most confident mistakes" in done.stdout
    assert "##" in done.stdout


def test_a_weights_file_that_cannot_be_used_is_one_message_and_exit_status_1(
    command, digits_folder, tmp_path
):
    (tmp_path / "w.npz").write_bytes(b"no archive")

    done = command("evaluate", tmp_path / "w.npz", "--data-dir", digits_folder)

    assert done.returncode == 1
    assert "w.npz is not a weights file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["download", "gradcheck", "train", "evaluate", "--help"])
@pytest.mark.parametrize(
    "shell",
    [
        "{command} <&-",
        "{command} >&-",
        "{command} | head -1",
        "{command} 2>&-",
        "LANG=C LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {command}",
        "COLUMNS=20 {command}",
    ],
)
def test_odd_surroundings_are_survived(command, digits_folder, trained, name, shell):
    place = command.folder / "a place, \ud55c\uae00"
    place.mkdir()
    digits = ["--data-dir", str(digits_folder)]
    words = {
        # The folder holds other digits than MNIST's, so this one ends with a message.
        "download": ["download", *digits],
        "gradcheck": ["gradcheck", "--hidden", "2", *digits],
        "train": ["train", "--epochs", "2", "--output", str(place / "w.npz"), *digits],
        "evaluate": ["evaluate", str(trained), "--mistakes", "2", *digits],
        "--help": ["--help"],
    }[name]
    line = shell.format(command=shlex.join([sys.executable, "-m", "mnist_bp", *words]))

    done = command(shell=["bash", "-c", line])

    fails = name == "download" and "head" not in shell
    assert done.returncode == (1 if fails else 0), done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    if name == "train":
        assert (place / "w.npz").exists()


def test_a_very_narrow_terminal_is_survived(command, digits_folder, trained):
    for words in (("train", *SHORT), ("evaluate", trained, "--mistakes", 1), ("gradcheck",)):
        assert in_terminal(*words, "--data-dir", digits_folder, cwd=command.folder, COLUMNS="20")
