"""Settings: which values they allow, given as Python values or as texts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_bp.errors import ParameterError
from mnist_bp.runs.recipe import SETTINGS
from mnist_bp.runs.settings import Setting

COUNT = Setting(default=3, help="How many.", minimum=1, maximum=1000)
SHARE = Setting(default=0.5, help="How much.", minimum=0)
RATE = Setting(default=0.1, help="How fast.", above=0)
COLOUR = Setting(default="red", help="Which.", choices=("red", "blue"))


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        (COUNT, [1, 3, 1000, np.int64(7)]),
        (SHARE, [0, 0.0, 1e300, 7, np.int32(7)]),
        (RATE, [1e-300, 1]),
        (COLOUR, ["red", "blue"]),
    ],
)
def test_values_within_the_limits_are_allowed_in_the_settings_type(setting, values):
    for value in values:
        checked = setting.check("x", value)
        assert checked == value
        assert type(checked) is setting.type


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        (COUNT, 0, "must be a whole number from 1 to 1,000, not 0"),
        (COUNT, 1001, "must be a whole number from 1 to 1,000, not 1001"),
        (COUNT, 1.5, "must be a whole number from 1 to 1,000, not 1.5"),
        (COUNT, True, "must be a whole number from 1 to 1,000, not true"),
        (COUNT, "3", 'must be a whole number from 1 to 1,000, not "3"'),
        (COUNT, None, "must be a whole number from 1 to 1,000, not null"),
        (SHARE, -0.5, "must be a number, at least 0, not -0.5"),
        (SHARE, math.nan, "must be a number, at least 0, not NaN"),
        (RATE, 0, "must be a number above 0, not 0"),
        (RATE, math.inf, "must be a number above 0, not Infinity"),
        (RATE, [0.1], "must be a number above 0, not several values"),
        (COLOUR, "green", 'must be one of red, blue, not "green"'),
        (COLOUR, 3, "must be one of red, blue, not 3"),
        (COLOUR, ["red"], "must be one of red, blue, not several values"),
        (COLOUR, {}, "must be one of red, blue, not several values"),
    ],
    ids=str,
)
def test_any_other_value_is_refused_with_the_limits(setting, value, problem):
    with pytest.raises(ParameterError) as caught:
        setting.check("x", value)

    assert (caught.value.parameter, caught.value.problem) == ("x", problem)
    assert str(caught.value) == f"x {problem}"


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [(COUNT, "17", 17), (SHARE, "1e-3", 0.001), (RATE, "2", 2.0), (COLOUR, "blue", "blue")],
)
def test_a_text_is_read_in_the_settings_type(setting, text, value):
    parsed = setting.parse("x", text)

    assert (parsed, type(parsed)) == (value, setting.type)


@pytest.mark.parametrize(
    ("setting", "text"),
    [(COUNT, "1.0"), (COUNT, "many"), (COUNT, ""), (RATE, "nan"), (RATE, "fast"), (COLOUR, "Red")],
)
def test_a_text_that_is_not_a_value_is_refused_as_it_was_given(setting, text):
    with pytest.raises(ParameterError, match=f"not {text}$"):
        setting.parse("x", text)


@given(st.sampled_from(list(SETTINGS.items())), st.text(max_size=30) | st.floats().map(str))
def test_no_text_does_more_than_be_read_or_refused(named, text):
    name, setting = named
    try:
        value = setting.parse(name, text)
    except ParameterError as error:
        assert error.parameter == name
    else:
        assert setting.check(name, value) == value
