"""The documentation is whole: every command, option and recipe has its words, and the code runs."""

import re
from pathlib import Path

import pytest
import readme
import typer

from mnist_bp import comparison, numerical
from mnist_bp.cli.app import app
from mnist_bp.cli.gradcheck import CHECK_SETTINGS
from mnist_bp.runs import recipe as recipes

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands
OPTIONS = [
    pytest.param(option, id=f"{name} {option.opts[0]}")
    for name, command in COMMANDS.items()
    for option in command.params
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help_and_is_used_in_the_readme(name):
    assert COMMANDS[name].help
    assert f"mnist-bp {name}" in TEXT


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_has_its_help_and_is_in_the_readme(option):
    assert option.help
    if option.param_type_name == "option":
        assert f"{max(option.opts, key=len)}" in TEXT


def test_the_tables_of_options_in_the_readme_are_those_of_the_program():
    assert set(readme.tables()) == set(re.findall(r"<!-- options: (\w+) -->", TEXT))
    assert readme.updated(TEXT) == TEXT, "run: python scripts/readme.py"


def test_the_readme_is_short_and_links_to_what_is_there():
    assert TEXT.count("\n") <= 350
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    local = [link for link in links if not link.startswith("https://")]
    assert len(local) > 10
    assert [link for link in local if not (README.parent / link).exists()] == []
    titles = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    anchors = {title.lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors


@pytest.mark.parametrize("name", recipes.built_in())
def test_every_recipe_says_what_it_is_and_has_its_line_in_the_readme(name):
    assert recipes.built_in()[name].read_text().startswith("# ")
    assert f"| `{name}` |" in TEXT


def test_the_defaults_that_the_help_of_gradcheck_shows_are_those_of_the_library():
    assert CHECK_SETTINGS["step"].default == numerical.STEP
    assert CHECK_SETTINGS["tolerance"].default == comparison.TOLERANCE


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_the_python_in_the_readme_runs(code, digits_folder, trained, monkeypatch):
    monkeypatch.chdir(trained.rename(trained.with_name("weights.npz")).parent)
    monkeypatch.setenv("MNIST_BP_DATA_DIR", str(digits_folder))

    exec(compile(code, str(README), "exec"), {})
