"""What a command writes: checked before the work, never another of its files, never just lost."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from helpers import IS_ROOT, SHORT

from mnist_bp.runs.checkpoint import load_checkpoint

FULL = Path("/dev/full")

needs_dev_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@needs_dev_full
@pytest.mark.parametrize(
    "words",
    [
        "evaluate {trained}",
        "evaluate {trained} --json",
        "gradcheck --hidden 2",
        "gradcheck --hidden 2 --json",
        "train --epochs 2 --hidden 8",
        "train --epochs 2 --hidden 8 --log -",
        "--version",
        "--help",
    ],
)
def test_a_result_that_could_not_be_written_is_an_error(
    command, digits_folder, trained, monkeypatch, words
):
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(digits_folder))
    with FULL.open("w") as full_device:
        done = command(
            *words.format(trained=trained).split(),
            **{"capture_output": False, "stdout": full_device, "stderr": subprocess.PIPE},
        )

    assert done.returncode == 1
    (message,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "stdout" in message
    assert "No space left on device" in message
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if words.startswith("train"):
        assert load_checkpoint(command.folder / "weights.npz").epochs == 2


@needs_dev_full
def test_an_error_stream_that_is_full_stops_no_run(command, digits_folder):
    with FULL.open("w") as full_device:
        done = command(
            *("train", *SHORT, "--data-dir", digits_folder),
            **{"capture_output": False, "stdout": subprocess.PIPE, "stderr": full_device},
        )

    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[3:]] == ["0", "1", "2"]
    assert load_checkpoint(command.folder / "weights.npz").epochs == 2


@needs_dev_full
def test_a_log_that_cannot_be_written_costs_neither_the_table_nor_the_weights(
    command, digits_folder
):
    done = command("train", *SHORT, "--log", FULL, "--data-dir", digits_folder)

    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()[3:]] == ["0", "1", "2"]
    assert done.stderr.count("Warning: /dev/full lacks rows of this run: No space left") == 1
    assert "Error: /dev/full lacks rows of this run: No space left on device" in done.stderr
    assert load_checkpoint(command.folder / "weights.npz").epochs == 2


@pytest.mark.posix
def test_a_full_disk_stops_no_run_and_destroys_no_file(command, digits_folder):
    import resource

    path = command.folder / "weights.npz"
    path.write_bytes(b"from before")

    done = command(
        *("train", *SHORT, "--data-dir", digits_folder),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)),
    )

    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()[3:]] == ["0", "1", "2"]
    assert done.stderr.count("Warning: weights.npz was not saved: ") == 2
    assert done.stderr.count("File too large") == 3
    assert "Error: the weights after epoch 2 are lost" in done.stderr
    assert path.read_bytes() == b"from before"
    kept = sorted(each.name for each in command.folder.iterdir() if each.name != "weights.npz")
    assert kept == ["weights.1.npz"]
    assert (command.folder / "weights.1.npz").read_bytes() == b"from before"


def test_an_older_file_that_cannot_be_kept_is_found_before_the_training(
    command, inline, digits_folder, monkeypatch
):
    """As where links to another user's file are forbidden, and it cannot be read either."""
    path = command.folder / "weights.npz"
    path.write_bytes(b"another user's")

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    open_file = Path.open

    def open_others(self, mode="r", *rest, **options):
        if self.name == "weights.npz" and "r" in mode:
            refuse()
        return open_file(self, mode, *rest, **options)

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    monkeypatch.setattr(Path, "open", open_others)
    monkeypatch.setattr(Path, "read_bytes", refuse)

    done = inline("train", *SHORT, "--data-dir", digits_folder)

    assert done.returncode == 2
    assert "--output weights.npz: it cannot be written: Operation not permitted" in done.stderr
    assert [each.name for each in command.folder.iterdir()] == ["weights.npz"]


@pytest.mark.posix
def test_a_log_in_a_folder_that_may_not_be_written_is_appended_to(
    command, inline, digits_folder, monkeypatch
):
    log = command.folder / "logs" / "run.jsonl"
    log.parent.mkdir()
    log.touch()
    log.parent.chmod(0o555)

    done = inline("train", *SHORT, "--log", log, "--data-dir", digits_folder)

    log.parent.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert len(log.read_text().splitlines()) == 3


@pytest.mark.posix
@pytest.mark.skipif(IS_ROOT, reason="root may write everything")
def test_a_log_that_may_not_be_written_is_found_before_the_training(command, inline, digits_folder):
    log = command.folder / "run.jsonl"
    log.touch(mode=0o444)

    done = inline("train", *SHORT, "--log", log, "--data-dir", digits_folder)

    assert done.returncode == 2
    assert "run.jsonl: it cannot be written: Permission denied" in done.stderr


@pytest.mark.posix
def test_a_log_may_be_a_pipe(command, digits_folder):
    os.mkfifo(command.folder / "pipe")
    reader = os.open(command.folder / "pipe", os.O_RDWR)

    done = command("train", *SHORT, "--log", "pipe", "--data-dir", digits_folder, timeout=60)

    rows = os.read(reader, 65536).splitlines()
    os.close(reader)
    assert done.returncode == 0, done.stderr
    assert [json.loads(row)["epoch"] for row in rows] == [0, 1, 2]


@pytest.mark.posix
def test_a_pipe_is_open_as_long_as_the_run(command, digits_folder):
    os.mkfifo(command.folder / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], cwd=command.folder, stdout=subprocess.PIPE)

    done = command("train", *SHORT, "--log", "pipe", "--data-dir", digits_folder, timeout=60)

    rows, _ = reader.communicate(timeout=60)
    assert done.returncode == 0, done.stderr
    assert [json.loads(row)["epoch"] for row in rows.splitlines()] == [0, 1, 2]


@pytest.mark.posix
@pytest.mark.parametrize("reads", [True, False])
def test_a_pipe_whose_reader_has_left_stops_no_run(command, digits_folder, reads):
    os.mkfifo(command.folder / "pipe")
    reader = subprocess.Popen(["head", "-1", "pipe"] if reads else "true", cwd=command.folder)

    done = command("train", *SHORT, "--log", "pipe", "--data-dir", digits_folder, timeout=60)

    reader.wait()
    assert done.returncode == 1
    assert "Error: pipe lacks rows of this run: no process reads it" in done.stderr
    assert load_checkpoint(command.folder / "weights.npz").epochs == 2


FILES = {
    "the log is the output": ["train", "--output", "w.npz", "--log", "w.npz"],
    "the log is the output by a link": ["train", "--output", "w.npz", "--log", "link"],
    "the log is the output by another path": ["train", "--output", "w.npz", "--log", "./w.npz"],
    "the log is the recipe": ["train", "--config", "my.toml", "--log", "my.toml"],
    "the output is the recipe": ["train", "--config", "my.toml", "--output", "my.toml"],
    "the log is the resumed file": ["train", "--resume", "w.npz", "--log", "w.npz"],
    "the log is the resumed file by a hard link": ["train", "--resume", "w.npz", "--log", "hard"],
    "the report is the weights": ["evaluate", "w.npz", "--report", "w.npz"],
    "the report is the weights by a link": ["evaluate", "w.npz", "--report", "link"],
}


@pytest.mark.posix
@pytest.mark.parametrize("name", FILES)
def test_no_file_is_written_that_is_another_of_the_same_command(
    command, inline, digits_folder, trained, name
):
    folder = command.folder
    trained.rename(folder / "w.npz")
    (folder / "link").symlink_to("w.npz")
    (folder / "hard").hardlink_to(folder / "w.npz")
    (folder / "my.toml").write_text("epochs = 1")
    before = {each.name: each.read_bytes() for each in folder.iterdir()}

    done = inline(*FILES[name], "--data-dir", digits_folder)

    assert done.returncode == 2
    assert "is the file of" in done.stderr
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


@pytest.mark.posix
@pytest.mark.parametrize("option", ["--output", "--report"])
def test_a_device_is_not_replaced(command, inline, digits_folder, trained, option):
    os.mkfifo(command.folder / "pipe")
    words = ["train", *SHORT] if option == "--output" else ["evaluate", trained]

    done = inline(*words, option, "pipe", "--data-dir", digits_folder)

    assert done.returncode == 2
    assert f"{option} pipe: this is a device, not a file" in done.stderr
    assert (command.folder / "pipe").is_fifo()


@pytest.mark.posix
def test_an_output_that_is_a_symbolic_link_is_written_through_it(
    command, inline, digits_folder, trained
):
    target, link = command.folder / "store" / "w.npz", command.folder / "w.npz"
    target.parent.mkdir()
    link.symlink_to(target)

    for _ in range(2):
        done = inline("train", *SHORT, "--output", "w.npz", "--data-dir", digits_folder)
        assert done.returncode == 0, done.stderr
        assert link.is_symlink()
        assert load_checkpoint(target).epochs == 2


@pytest.mark.posix
def test_links_in_a_circle_are_no_file(command, inline, digits_folder):
    (command.folder / "loop").symlink_to("loop")

    for words in (["--output", "w.npz", "--log", "loop"], ["--resume", "loop"]):
        done = inline("train", *SHORT, *words, "--data-dir", digits_folder)
        assert done.returncode in (1, 2)
        assert "loop" in done.stderr
