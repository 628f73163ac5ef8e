"""The documentation is whole: every command, option and recipe has its words, and the code runs."""

import re
from pathlib import Path

import pytest
import typer

from mnist_bp import comparison, numerical
from mnist_bp.cli import app as cli
from mnist_bp.cli.gradcheck import CHECK_SETTINGS
from mnist_bp.runs import recipe as recipes

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(cli.app).commands
OPTIONS = [
    pytest.param(command, option, id=f"{name} {option.opts[0]}")
    for name, command in COMMANDS.items()
    for option in command.params
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help_and_its_lines_in_the_readme(name):
    assert COMMANDS[name].help
    assert f"### `mnist-bp {name}" in TEXT


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_every_option_has_its_help_and_its_line_in_the_readme(command, option):
    section = TEXT.split(f"### `mnist-bp {command.name}")[1].split("\n#")[0]

    assert option.help
    if option.param_type_name == "option":
        assert f"`{option.opts[0]}" in section
    else:
        assert option.metavar in section


@pytest.mark.parametrize("name", recipes.built_in())
def test_every_recipe_says_what_it_is_and_has_its_line_in_the_readme(name):
    assert recipes.built_in()[name].read_text().startswith("# ")
    assert f"| `{name}` |" in TEXT


def test_the_defaults_that_the_help_of_gradcheck_shows_are_those_of_the_library():
    assert CHECK_SETTINGS["step"].default == numerical.STEP
    assert CHECK_SETTINGS["tolerance"].default == comparison.TOLERANCE


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_the_python_in_the_readme_runs(code, digits_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(digits_folder))

    exec(compile(code, str(README), "exec"), {})
