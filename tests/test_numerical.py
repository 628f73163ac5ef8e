"""The difference quotient."""

import numpy as np
import pytest

from mnist_bp.numerical import numerical_gradient


def test_the_gradient_of_a_cubic():
    x = np.array([[1.0, -2.0], [0.5, 0.0]])

    gradient = numerical_gradient(lambda x: np.sum(x**3), x)

    assert np.allclose(gradient, 3 * x**2, rtol=0, atol=1e-8)


def test_the_array_is_perturbed_in_place_and_put_back():
    x = np.array([0.1, 0.2])
    seen = []

    numerical_gradient(lambda same: seen.append(same.copy()) or 0.0, x, step=0.5)

    assert np.allclose(seen, [[0.6, 0.2], [-0.4, 0.2], [0.1, 0.7], [0.1, -0.3]])
    assert x.tolist() == [0.1, 0.2]


def test_the_array_is_put_back_when_the_function_fails():
    x = np.array([0.1, 0.2])

    with pytest.raises(ZeroDivisionError):
        numerical_gradient(lambda _: 1 / 0, x)
    assert x.tolist() == [0.1, 0.2]


def test_an_extended_result_keeps_its_digits():
    def f(x):
        return np.longdouble(1e6) + x[0].astype(np.longdouble) ** 2

    if np.finfo(np.longdouble).eps == np.finfo(np.float64).eps:
        pytest.skip("long double is double on this machine")
    assert numerical_gradient(f, np.array([3.0])) == pytest.approx(6.0, abs=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_fewer_digits_than_float64_are_refused(dtype):
    with pytest.raises(TypeError, match="float64"):
        numerical_gradient(lambda x: 0.0, np.ones(3, dtype))
