"""Recipes: defaults, limits, files, and who wins."""

import tomllib

import pytest

from mnist_bp.errors import RecipeError, UsageError
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.recipe import Recipe


def test_the_defaults_are_the_chapters_run_with_every_digit_once_an_epoch():
    recipe = Recipe()

    assert (recipe.epochs, recipe.batch_size, recipe.lr, recipe.hidden) == (17, 100, 0.1, 50)
    assert (recipe.activation, recipe.weight_init_std) == ("relu", 0.01)
    assert (recipe.sampling, recipe.seed, recipe.threads) == ("shuffle", 0, 1)


@pytest.mark.parametrize(
    ("key", "value", "limits"),
    [
        ("epochs", 0, "a whole number from 1 to 1000000000"),
        ("epochs", 1.5, "a whole number from 1 to 1000000000"),
        ("epochs", True, "a whole number from 1 to 1000000000"),
        ("epochs", "17", "a whole number from 1 to 1000000000"),
        ("batch_size", -3, "a whole number, at least 1"),
        ("lr", 0, "a number above 0"),
        ("lr", float("nan"), "a number above 0"),
        ("lr", float("inf"), "a number above 0"),
        ("lr", 10**400, "a number above 0"),
        ("weight_init_std", -0.1, "a number, at least 0"),
        ("threads", 0, "a whole number from 1 to 1024"),
        ("seed", -1, "a whole number from 0 to 9223372036854775807"),
        ("seed", 2**63, "a whole number from 0 to 9223372036854775807"),
        ("activation", "tanh", "one of relu, sigmoid"),
        ("sampling", ["shuffle"], "one of shuffle, replacement"),
    ],
)
def test_a_value_out_of_its_limits_is_refused_with_them(key, value, limits):
    with pytest.raises(RecipeError) as caught:
        Recipe(**{key: value})

    assert caught.value.parameter == key
    assert caught.value.problem.startswith(f"must be {limits}, not ")


def test_a_recipe_survives_being_written_and_read():
    recipe = Recipe(lr=1e-5, seed=2**63 - 1, sampling="replacement", hidden=7)

    assert Recipe(**recipes.parse(recipe.to_toml())) == recipe


def test_a_whole_number_will_do_for_a_fraction():
    assert Recipe(**recipes.parse("lr = 1")).to_toml() == Recipe(lr=1.0).to_toml()


def test_the_books_recipe_is_the_chapters_run():
    assert Recipe(**recipes.read("book")) == Recipe(sampling="replacement")


@pytest.mark.parametrize("name", recipes.built_in())
def test_every_built_in_recipe_is_within_the_limits(name):
    values = recipes.read(name)

    assert values == tomllib.loads(recipes.built_in()[name].read_text())
    Recipe(**values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rate = 0.1", "learning_rate is no hyperparameter; there are epochs, batch_size"),
        ("lr = -1", r"lr must be a number above 0, not -1 \(in the recipe .*my.toml\)"),
        ("lr = ", "my.toml cannot be read: Invalid value"),
        ("a = " + "[" * 5000, "my.toml cannot be read: maximum recursion depth"),
        ("[train]\nlr = 0.1", "train is no hyperparameter"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_named_with_the_fault(tmp_path, text, message):
    path = tmp_path / "my.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=message):
        recipes.read(str(path))


def test_a_recipe_may_begin_with_the_mark_that_some_editors_write(tmp_path):
    (tmp_path / "my.toml").write_text("epochs = 3", encoding="utf-8-sig")

    assert recipes.read(str(tmp_path / "my.toml")) == {"epochs": 3}


def test_a_recipe_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "my.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="cannot be read: 'utf-8' codec"):
        recipes.read(str(tmp_path / "my.toml"))
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        recipes.read(str(tmp_path))


def test_a_recipe_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(UsageError, match=r"no recipe nowhere\.toml: .* built-in ones are book"):
        recipes.read("nowhere.toml")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"optimizer": "nesterov"}, "must be above 0 for nesterov"),
        ({"optimizer": "adam", "momentum": 0.9}, "must be 0 for adam, .* not 0.9"),
    ],
)
def test_a_momentum_that_contradicts_the_optimizer_is_refused(values, problem):
    with pytest.raises(RecipeError, match=problem) as caught:
        Recipe(**values)

    assert caught.value.parameter == "momentum"


@pytest.mark.parametrize(
    ("name", "hidden"), [("book", 50), ("speedrun", 50), ("small", 50), ("record", 800)]
)
def test_the_built_in_recipes_train_the_nets_that_they_are_for(name, hidden):
    recipe = Recipe(**recipes.read(name))

    assert recipe.hidden == hidden
    assert (recipe.seed, recipe.validation) == (0, 0)


def test_a_recipe_may_leave_to_flags_what_it_needs_itself():
    assert recipes.parse('optimizer = "nesterov"') == {"optimizer": "nesterov"}
