"""Recipes: defaults, limits, files, and who wins."""

import os
import time
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_bp.errors import ParameterError, UsageError
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
        ("epochs", 0, "a whole number from 1 to 100,000"),
        ("epochs", 1.5, "a whole number from 1 to 100,000"),
        ("epochs", True, "a whole number from 1 to 100,000"),
        ("epochs", "17", "a whole number from 1 to 100,000"),
        ("batch_size", -3, "a whole number from 1 to 1,000,000"),
        ("lr", 0, "a number above 0"),
        ("lr", float("nan"), "a number above 0"),
        ("lr", float("inf"), "a number above 0"),
        ("lr", 10**400, "a number above 0"),
        ("weight_init_std", -0.1, "a number from 0 to 1,000"),
        ("weight_init_std", 1e300, "a number from 0 to 1,000"),
        ("hidden", 10_001, "a whole number from 1 to 10,000"),
        ("threads", 0, "a whole number from 1 to 1,024"),
        ("seed", -1, "a whole number from 0 to 9,223,372,036,854,775,807"),
        ("seed", 2**63, "a whole number from 0 to 9,223,372,036,854,775,807"),
        ("activation", "nosuch", "one of relu, sigmoid"),
        ("sampling", ["shuffle"], "one of shuffle, replacement"),
    ],
)
def test_a_value_out_of_its_limits_is_refused_with_them(key, value, limits):
    with pytest.raises(ParameterError) as caught:
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
        ("learning_rate = 0.1", "learning_rate is unknown; choose from epochs, batch_size"),
        ("lr = -1", r"lr must be a number above 0, not -1 \(in the recipe .*my.toml\)"),
        ("lr = ", "my.toml cannot be read: Invalid value"),
        ("a = " + "[" * 3000, "my.toml cannot be read: it is nested too deeply"),
        ("[train]\nlr = 0.1", "train is unknown; choose from"),
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


def test_a_recipe_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "my.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="cannot be read: 'utf-8' codec"):
        recipes.read(str(tmp_path / "my.toml"))


def test_a_recipe_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(UsageError, match=r"no recipe nowhere\.toml: .* built-in recipes are book"):
        recipes.read("nowhere.toml")


@pytest.mark.parametrize(
    ("values", "parameter", "problem"),
    [
        ({"optimizer": "nesterov"}, "momentum", "must be above 0 for nesterov"),
        ({"optimizer": "adam", "momentum": 0.9}, "momentum", "must be 0 for adam, .* not 0.9"),
        ({"lr": 0.05, "weight_decay": 20}, "weight_decay", "below 20 where lr is 0.05, not 20"),
    ],
)
def test_hyperparameters_that_contradict_each_other_are_refused(values, parameter, problem):
    with pytest.raises(ParameterError, match=problem) as caught:
        Recipe(**values)

    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    ("name", "hidden"), [("book", 50), ("speedrun", 50), ("small", 50), ("record", 800)]
)
def test_the_built_in_recipes_train_the_nets_that_they_are_for(name, hidden):
    recipe = Recipe(**recipes.read(name))

    assert recipe.hidden == hidden
    assert (recipe.seed, recipe.validation) == (0, 0)


def test_a_recipe_may_leave_to_flags_what_it_needs_itself():
    assert recipes.parse('optimizer = "nesterov"') == {"optimizer": "nesterov"}


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("momentums", "momentum"),
        ("epoch", "epochs"),
        ("batch-size", "batch_size"),
        ("batch", "batch_size"),
        ("hidden_size", "hidden"),
        ("optimiser", "optimizer"),
    ],
)
def test_a_misspelt_key_suggests_the_nearest(key, nearest):
    with pytest.raises(ParameterError) as caught:
        recipes.parse(f"{key} = 1")

    assert (caught.value.parameter, caught.value.problem) == (
        key,
        f"is unknown; did you mean {nearest}?",
    )


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.1), ("nesterov", 0.1), ("adam", 0.001)])
def test_the_default_rate_is_the_optimizers_own(optimizer, rate):
    momentum = 0.9 if optimizer == "nesterov" else 0.0

    assert Recipe(optimizer=optimizer, momentum=momentum).lr == rate
    assert Recipe(optimizer=optimizer, momentum=momentum, lr=0.5).lr == 0.5


def test_a_batch_and_a_hidden_layer_are_not_both_huge():
    Recipe(batch_size=10_000, hidden=10_000)

    with pytest.raises(ParameterError) as caught:
        Recipe(batch_size=1_000_000, hidden=10_000)
    assert str(caught.value) == (
        "batch_size must be at most 10,000 with 10,000 hidden units, not 1,000,000"
    )


ENDLESS = [
    ("a folder", "it is a folder"),
    ("a pipe", "it is not a file but a device"),
    ("/dev/zero", "it is not a file but a device"),
    ("a gigabyte", "it is larger than 4,096 bytes"),
]


@pytest.mark.posix
@pytest.mark.parametrize(("name", "problem"), ENDLESS)
def test_what_is_not_a_small_file_is_refused_at_once(tmp_path, name, problem):
    (tmp_path / "a folder").mkdir()
    os.mkfifo(tmp_path / "a pipe")
    with (tmp_path / "a gigabyte").open("wb") as file:
        file.truncate(2**30)
    started = time.monotonic()

    with pytest.raises(UsageError) as caught:
        recipes.read(str(tmp_path / name))

    assert str(caught.value) == f"the recipe {tmp_path / name} cannot be read: {problem}"
    assert time.monotonic() - started < 10  # A pipe that is opened waits for ever.


HOSTILE = [
    "a." * 4000 + "a = 1",
    "a." * 60_000 + "a = 1",
    "lr." + "a." * 4000 + "a = 1",
    "lr = " + "[" * 4000 + "]" * 4000,
    "a = " + "{a=" * 2000 + "1" + "}" * 2000,
    "lr = 0x" + "f" * 8000,
    "epochs = " + "9" * 8000,
    "[[lr]]\n" * 900,
    "lr = 1979-05-27T07:32:00Z",
    'lr = "' + "\\u0000" * 1000 + '"',
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_a_hostile_recipe_is_one_error_of_ours_at_once(tmp_path, text):
    (tmp_path / "my.toml").write_text(text)
    started = time.monotonic()

    with pytest.raises(UsageError):
        recipes.read(str(tmp_path / "my.toml"))

    # A guard against hanging, on a machine that may be busy.
    assert time.monotonic() - started < 20


OTHER_WORDS = (
    'true nan inf 1e999 0x """ [[ relu adam -1 0 17 0.5 1979-05-27 a \x1b \x00 \u202e \ufeff'
)
WORDS = st.sampled_from([*recipes.SETTINGS, *"=.[]{},\"'#\n\\_ ", *OTHER_WORDS.split(" ")])


def test_no_text_of_a_recipe_does_more_than_be_read_or_refused(tmp_path, full):
    path = tmp_path / "my.toml"
    built_in = [each.read_text() for each in recipes.built_in().values()]

    def cut_and_joined(text, start, end, words):
        start, end = start % len(text), end % len(text)
        return text[:start] + words + text[end:]

    texts = st.lists(WORDS, max_size=60).map("".join)
    numbers = st.integers(0, 10_000)

    @settings(max_examples=20_000 if full else 300, deadline=None)
    @given(
        st.builds(cut_and_joined, st.sampled_from(built_in), numbers, numbers, texts)
        | texts
        | st.binary(max_size=200)
    )
    def check(text):
        path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="replace"))
        try:
            recipe = Recipe(**recipes.read(str(path)))
        except UsageError:
            return
        assert Recipe(**recipes.parse(recipe.to_toml())) == recipe

    check()


def test_hyperparameters_that_are_gone_are_read_where_they_did_nothing():
    assert recipes.parse("averaging = 0.0\nlr_end = 0.0\nhidden = 7\n") == {"hidden": 7}
    with pytest.raises(ParameterError, match="averaging"):
        recipes.parse("averaging = 2.0")
