"""The command itself: help, completion, wrong usage, and odd surroundings."""

import os
import shlex
import subprocess
import sys

import pytest
from helpers import ESCAPE, in_terminal

import mnist_bp

COMMANDS = ("download", "gradcheck", "train", "evaluate", "predict")


def test_version(command):
    assert command("--version").stdout == f"mnist-bp {mnist_bp.__version__}\n"


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_shows_examples(command, name):
    done = command(*name.split(), "--help")

    assert done.returncode == 0
    assert done.stderr == ""
    assert "Examples:" in done.stdout
    assert f"mnist-bp {name}".rstrip() in done.stdout.split("Examples:")[1]


def test_without_arguments_the_command_shows_its_help(command):
    done = command()

    assert (done.returncode, done.stdout, done.stderr) == (2, command("--help").stdout, "")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("mnist-bp tr", ["train"]),
        ("mnist-bp train --ep", ["--epochs"]),
        ("mnist-bp train --config ", ["book", "record", "small", "speedrun"]),
        ("mnist-bp sweep --config s", ["small", "speedrun"]),
        ("mnist-bp train --optimizer ", ["sgd", "nesterov", "adam"]),
        ("mnist-bp evaluate w.npz --dataset m", ["mnist"]),
        ("mnist-bp explain ", ["apple", "apple-orange", "apple-banana", "sigmoid"]),
        # Where nothing is offered, the shell completes the names of files.
        ("mnist-bp train --config ./sm", []),
        ("mnist-bp evaluate w", []),
        ("mnist-bp predict w.npz s", []),
    ],
)
def test_the_shell_completes_words(command, words, offered):
    environment = {
        "_MNIST_BP_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }

    assert command(env=os.environ | environment).stdout.split() == offered


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
        ("train --lr x", set()),
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
        (["train", "--epochs", "0"], "--epochs must be a whole number from 1 to 100,000, not 0"),
        (["train", "--epochs", "1.5"], "--epochs must be a whole number from 1 to 100,000, not 1."),
        (["train", "--batch-size", "0"], "--batch-size must be a whole number from 1 to 1,000,000"),
        (["train", "--hidden", "0"], "--hidden must be a whole number from 1 to 10,000, not 0"),
        (["train", "--seed", "-1"], "--seed must be a whole number from 0 to"),
        (["train", "--sampling", "all"], "--sampling must be one of shuffle, replacement, not all"),
        (["train", "--weight-init-std", "1e300"], "--weight-init-std must be a number from 0 to"),
        (["train", "--momentum", "0.9", "--optimizer", "adam"], "--momentum must be 0 for adam"),
        (["train", "--optimizer", "nesterov"], "--momentum must be above 0 for nesterov"),
        (["train", "--config", "nowhere.toml"], "there is no recipe nowhere.toml"),
        (["train", "--config", "bad.toml"], "momentums is unknown; did you mean momentum? (in the"),
        (
            ["train", "--config", "limits.toml"],
            "lr must be a number above 0, not -1 (in the recipe",
        ),
        (["train", "--output", "no/w.npz"], "--output no/w.npz: there is no folder no"),
        (["train", "--output", "."], "--output .: this is a folder"),
        (["train", "--log", "no/log"], "--log no/log: there is no folder no"),
        (["train", "--log", "weights.npz"], "--log weights.npz is the file of --output: name"),
        (["train", "--output", "w" * 250], "it cannot be written: File name too long"),
        (["train", "--config", ""], "the recipe . cannot be read: it is a folder"),
        (["train", "--hidden", "9" * 30], "--hidden must be a whole number from 1 to 10,000"),
        (["train", "--hidden", "10000", "--batch-size", "10001"], "--batch-size must be at most"),
        (["gradcheck", "--hidden", "9" * 30], "--hidden must be a whole number from 1 to 10,000"),
        (["train", "--data-dir", "no"], "no is not a folder"),
        (["train", "--dataset", "kmnist"], "value for '--dataset': 'kmnist' is not one of"),
        (["train", "--epoch", "3"], "No such option: --epoch"),
        (["train", "--resume", "nowhere.npz"], "nowhere.npz cannot be read: there is no such"),
        (["train", "--resume", "."], ". cannot be read: it is a folder"),
        (["gradcheck", "--samples", "0"], "--samples must be a whole number, at least 1, not 0"),
        (["gradcheck", "--samples", "531"], "--samples must be at most 530"),
        (["gradcheck", "--step", "0"], "--step must be a number from 1e-10 to 1, not 0"),
        (["gradcheck", "--activation", "nosuch"], "--activation must be one of relu, sigmoid"),
        (["evaluate", "nowhere.npz"], "nowhere.npz cannot be read: there is no such file"),
        (["evaluate", "."], ". cannot be read: it is a folder"),
        (
            ["evaluate", "trained.npz", "--split", "all"],
            "'all' is not one of 'test', 'train'",
        ),
        (["evaluate"], "Missing argument 'WEIGHTS...'"),
        (["learn"], "No such command 'learn'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_message_and_exit_status_2(
    command, inline, digits_folder, monkeypatch, arguments, message
):
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(digits_folder))
    (command.folder / "bad.toml").write_text("momentums = 0.9")
    (command.folder / "limits.toml").write_text("lr = -1")

    done = inline(*arguments)

    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert done.stderr.count("Error: ") == 1
    assert "Traceback" not in done.stderr


def test_the_debug_switch_shows_the_traceback(command, monkeypatch):
    monkeypatch.setenv("MNIST_BP_DEBUG", "1")

    shown = command("evaluate", "nowhere-\x1b[31m.npz").stderr

    assert "Traceback" in shown
    assert "\x1b" not in shown


@pytest.mark.posix
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


@pytest.mark.posix
@pytest.mark.parametrize("name", ["", "train"])
def test_help_is_plain_text(command, name):
    assert ESCAPE not in in_terminal(*name.split(), "--help", cwd=command.folder)
