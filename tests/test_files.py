"""Files are written whole or not at all, and what cannot be written is found out beforehand."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import IS_ROOT

from mnist_bp.files import (
    back_up,
    check_appendable,
    check_back_up,
    check_writable,
    is_temporary,
    remove_stale,
    replacing,
)

NOBODY = 65534
root_only = pytest.mark.skipif(not IS_ROOT, reason="only root can set it up")


def write(path, content):
    with replacing(path) as file:
        file.write(content)


@pytest.fixture
def other_folder():
    """A folder that belongs to another user, and that every user may enter and change."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def as_nobody():
    """Give up the rights of root for a while."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "weights.npz"
    with replacing(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" and half")

    assert path.read_bytes() == b"half and half"
    assert list(tmp_path.glob("*w*")) == [path]


def test_a_file_that_could_not_be_written_is_as_it_was(tmp_path):
    path = tmp_path / "weights.npz"
    path.write_bytes(b"old")

    with pytest.raises(OSError, match="the disk is full"), replacing(path) as file:
        file.write(b"half of the new")
        raise OSError("the disk is full")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.glob("*w*")) == [path]


@pytest.mark.posix
@pytest.mark.parametrize("before", [b"old", None])
def test_a_symbolic_link_is_written_through(tmp_path, before):
    (tmp_path / "runs").mkdir()
    target, link = tmp_path / "runs" / "first.npz", tmp_path / "latest.npz"
    link.symlink_to(Path("runs") / "first.npz")
    if before:
        target.write_bytes(before)

    check_writable(link)
    check_back_up(link)
    backup = back_up(link)
    write(link, b"new")

    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert backup == (tmp_path / "runs" / "first.1.npz" if before else None)
    assert before is None or backup.read_bytes() == before


def test_remains_are_removed_when_they_are_older_than_an_hour(tmp_path):
    path = tmp_path / "weights[1].npz"
    script = (
        "import sys, pathlib, time; from mnist_bp.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as file:\n"
        "    print(flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.kill()
    process.communicate()
    (remains,) = tmp_path.glob(".*.tmp")
    others = [tmp_path / name for name in (".weights1.npz.0123456789abcdef.tmp", ".x.tmp")]
    for other in others:
        other.touch()
    hours_ago = (time.time() - 3700,) * 2
    for each in others:
        os.utime(each, hours_ago)

    remove_stale(path)
    assert remains.exists()
    os.utime(remains, hours_ago)
    write(path, b"new")

    assert not remains.exists()
    assert all(other.exists() for other in others)


def test_temporary_files_are_known_by_their_names(tmp_path):
    with replacing(tmp_path / "weights.npz"):
        (temporary,) = tmp_path.glob(".*.tmp")
    assert is_temporary(temporary)
    for name in (
        "weights.npz",
        ".weights.npz.tmp",
        "w.0123456789abcdef.tmp",
        ".x.0123456789ABCDEF.tmp",
    ):
        assert not is_temporary(tmp_path / name)


def test_backups_are_numbered_and_overwrite_nothing(tmp_path):
    path = tmp_path / "weights.npz"
    assert back_up(path) is None
    for generation in ("first", "second", "third"):
        path.unlink(missing_ok=True)
        path.write_text(generation)
        check_back_up(path)
        assert back_up(path).read_text() == generation

    found = {each.name: each.read_text() for each in tmp_path.glob("*w*")}
    assert found == {
        "weights.npz": "third",
        "weights.1.npz": "first",
        "weights.2.npz": "second",
        "weights.3.npz": "third",
    }


def test_a_check_leaves_everything_as_it_was(tmp_path):
    old, new, log = (tmp_path / f"file-{name}" for name in ("old", "new", "log"))
    old.write_text("old")
    log.write_text("row\n")
    os.utime(old, (1, 1))
    before = old.stat()
    for path in (old, new):
        check_writable(path)
        check_back_up(path)
        check_appendable(path)
    check_appendable(log)

    assert sorted(tmp_path.glob("*file*")) == [log, old]
    assert (log.read_text(), old.read_text()) == ("row\n", "old")
    assert (old.stat().st_ino, old.stat().st_mtime) == (before.st_ino, before.st_mtime)


@pytest.mark.parametrize("check", [check_writable, check_appendable])
def test_a_folder_that_does_not_exist_is_found_out(tmp_path, check):
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "nowhere" / "file")


def test_a_folder_cannot_be_appended_to(tmp_path):
    with pytest.raises(IsADirectoryError):
        check_appendable(tmp_path)


def test_an_empty_folder_survives_the_check(tmp_path):
    folder = tmp_path / "weights.npz"
    folder.mkdir()

    check_writable(folder)

    assert folder.is_dir()


@pytest.mark.posix
def test_a_pipe_is_not_opened_before_it_is_used(tmp_path):
    os.mkfifo(tmp_path / "log")

    check_appendable(tmp_path / "log")


@pytest.mark.posix
@root_only
def test_a_log_may_be_writable_in_a_folder_that_is_not(other_folder):
    for name, mode in (("mine", 0o666), ("yours", 0o644)):
        (other_folder / name).touch()
        (other_folder / name).chmod(mode)
    other_folder.chmod(0o755)

    with as_nobody():
        check_appendable(other_folder / "mine")
        for name in ("yours", "new"):
            with pytest.raises(PermissionError):
                check_appendable(other_folder / name)
        for name in ("mine", "new"):
            with pytest.raises(PermissionError):
                check_writable(other_folder / name)


@root_only
def test_another_users_file_is_backed_up_as_a_copy_and_replaced(other_folder):
    path = other_folder / "weights.npz"
    path.write_bytes(b"old")
    path.chmod(0o644)

    with as_nobody():
        check_writable(path)
        check_back_up(path)
        backup = back_up(path)
        write(path, b"new")

    assert path.read_bytes() == b"new"
    assert backup.read_bytes() == b"old"
    assert len(list(other_folder.iterdir())) == 2


@root_only
def test_another_users_file_that_cannot_be_read_is_found_out_and_nothing_is_left(other_folder):
    path = other_folder / "weights.npz"
    path.write_bytes(b"secret")
    path.chmod(0o600)

    with as_nobody():
        for attempt in (check_back_up, back_up, back_up):
            with pytest.raises(PermissionError):
                attempt(path)

    assert list(other_folder.iterdir()) == [path]


@root_only
def test_another_users_file_in_a_sticky_folder_cannot_be_replaced(other_folder):
    path = other_folder / "weights.npz"
    path.write_bytes(b"old")
    path.chmod(0o644)
    other_folder.chmod(0o777 | stat.S_ISVTX)

    with as_nobody():
        with pytest.raises(PermissionError):
            check_writable(path)
        check_writable(other_folder / "other.npz")
        with pytest.raises(PermissionError):
            write(path, b"new")

    assert list(other_folder.iterdir()) == [path]
    assert path.read_bytes() == b"old"


@root_only
def test_a_file_that_must_not_be_changed_is_found_out(tmp_path):
    path = tmp_path / "weights.npz"
    path.write_bytes(b"old")
    if not shutil.which("chattr") or subprocess.run(["chattr", "+i", path]).returncode != 0:
        pytest.skip("files cannot be made immutable here")
    try:
        for check in (check_writable, check_appendable):
            with pytest.raises(PermissionError):
                check(path)
        check_back_up(path)
        assert back_up(path).read_bytes() == b"old"
    finally:
        subprocess.run(["chattr", "-i", path], check=True)
