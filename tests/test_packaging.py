"""What is published: the wheel, its metadata, and the workflows that build it."""

import email
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import mnist_bp

CHECKOUT = Path(__file__).parent.parent
PACKAGED = {".py", ".pyi", ".js", ".css", ".j2", ".svg"}
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel):
    """The metadata of the wheel, a message of headers."""
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(file.read(name))


def test_the_wheel_holds_the_package_and_its_recipes_and_nothing_else(wheel):
    package = CHECKOUT / "mnist_bp"
    sources = [path for path in package.rglob("*") if path.suffix in PACKAGED]
    expected = {path.relative_to(CHECKOUT).as_posix() for path in [*sources, package / "py.typed"]}
    recipes = {f"mnist_bp/configs/{path.name}" for path in (CHECKOUT / "configs").glob("*.toml")}
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}

    assert recipes
    assert names == expected | recipes


def test_the_wheel_works_in_an_empty_folder_without_a_home(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "installed")
    (tmp_path / "empty").mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    arguments = ["--config", "book", "--epochs", "1", "--dataset", "synthetic"]
    done = subprocess.run(
        [sys.executable, "-m", "mnist_bp", "train", *arguments],
        cwd=tmp_path / "empty",
        env=environment | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["weights.npz"]


def test_there_is_one_version_and_the_change_log_begins_with_it(metadata):
    change_log = (CHECKOUT / "CHANGELOG.md").read_text("utf-8")

    assert metadata["Version"] == mnist_bp.__version__
    assert re.search(r"^## \[(.+?)\]", change_log, re.MULTILINE)[1] == mnist_bp.__version__


def test_dependencies_have_a_lower_bound_and_no_upper_one(metadata):
    needed = [each.split(";")[0].strip() for each in metadata.get_all("Requires-Dist")]

    assert all(re.fullmatch(r"[a-z0-9-]+>=[0-9.]+", each) for each in needed), needed
    assert set(metadata.get_all("Provides-Extra")) == {"cluster", "report"}


def test_the_classifiers_name_the_versions_of_python_that_are_tested(metadata):
    named = re.findall(r":: (3\.\d+)", "\n".join(metadata.get_all("Classifier")))
    tested = re.search(r"python: (\[.+\])", (WORKFLOWS[-1]).read_text("utf-8"))[1]
    oldest, newest = tomllib.loads(f"versions = {tested}")["versions"]

    assert (named[0], named[-1]) == (oldest, newest)
    assert metadata["Requires-Python"] == f">={oldest}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_scripts_and_pin_the_actions_of_others(path):
    text = path.read_text("utf-8")
    commands, actions = (re.findall(rf"- {key}: (.+)", text) for key in ("run", "uses"))

    assert commands
    for command in commands:
        assert (CHECKOUT / command.split()[0]).is_file(), command
    for action in actions:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
