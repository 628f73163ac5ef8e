"""The errors that a user can meet: their exit statuses and texts."""

import os

import pytest

from mnist_bp import errors
from mnist_bp.errors import (
    DataError,
    MissingExtraError,
    MnistBpError,
    NoFileError,
    ParameterError,
    StoppedError,
    UsageError,
)

ALL = [each for each in vars(errors).values() if isinstance(each, type)]


@pytest.mark.parametrize("error", [each for each in ALL if issubclass(each, MnistBpError)])
def test_wrong_usage_has_the_exit_status_2_all_else_1(error):
    assert error.exit_status == (2 if issubclass(error, UsageError) else 1)
    assert error.__doc__


def test_an_error_may_have_several_lines():
    error = DataError("no digits:", "  first", "  second")

    assert error.lines == ("no digits:", "  first", "  second")
    assert str(error) == "no digits:\n  first\n  second"


def test_a_parameter_error_begins_with_the_parameters_name():
    error = ParameterError("batch_size", "must be at least 1")

    assert str(error) == "batch_size must be at least 1"
    assert (error.parameter, error.problem) == ("batch_size", "must be at least 1")


def test_a_stopped_run_has_the_status_that_shells_give_its_signal():
    assert StoppedError(15, "saved").exit_status == 143


@pytest.mark.posix
def test_a_path_needs_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()

    NoFileError.check(tmp_path / "file")
    for name, reason in (
        ("none", "there is no such file"),
        (".", "it is a folder"),
        ("pipe", "it is not a file but a device"),
        ("file/below", "it cannot be opened: Not a directory"),
        ("n" * 300, "it cannot be opened: File name too long"),
    ):
        with pytest.raises(NoFileError, match=reason):
            NoFileError.check(tmp_path / name)


def test_a_missing_extra_says_how_to_install_it():
    MissingExtraError.check("report", "json")
    with pytest.raises(MissingExtraError, match=r'needs nowhere: pip install "mnist-bp\[report\]"'):
        MissingExtraError.check("report", "json", "nowhere")
