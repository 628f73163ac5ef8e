"""Optimizers and schedules, step by step against their published formulas."""

import math

import numpy as np
import pytest

from mnist_bp.optimizers import SGD, Adam, learning_rate

STEPS = 20
LR = 0.1


def gradients():
    rng = np.random.default_rng(1)
    return [{"W": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)} for _ in range(STEPS)]


def start():
    rng = np.random.default_rng(0)
    return {"W": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}


def follow(optimizer, params):
    """Return the parameters after every step."""
    path = []
    for gradient in gradients():
        optimizer.update(params, gradient, LR)
        path.append({name: array.copy() for name, array in params.items()})
    return path


def assert_follows(path, formula):
    """Hold a path against `formula(p, g, memory, t)`, which returns the next p, entry by entry."""
    for name, array in start().items():
        memory = {}
        for t, (gradient, point) in enumerate(zip(gradients(), path, strict=True), 1):
            array = formula(array, gradient[name], memory, t)
            assert np.allclose(point[name], array, rtol=1e-13, atol=1e-13), (name, t)


def test_plain_gradient_descent():
    assert_follows(follow(SGD(start()), start()), lambda p, g, memory, t: p - LR * g)


def test_momentum():
    def formula(p, g, memory, t):
        memory["v"] = 0.9 * memory.get("v", 0) + g
        return p - LR * memory["v"]

    assert_follows(follow(SGD(start(), 0.9), start()), formula)


def test_nesterov():
    def formula(p, g, memory, t):
        # In Nesterov's own form the gradient is taken where the velocity leads. That is the point
        # that the optimizer moves; the point itself lies a velocity behind.
        behind = p + LR * 0.9 * memory.get("v", 0)
        memory["v"] = 0.9 * memory.get("v", 0) + g
        return behind - LR * memory["v"] - LR * 0.9 * memory["v"]

    assert_follows(follow(SGD(start(), 0.9, nesterov=True), start()), formula)


def test_adam():
    def formula(p, g, memory, t):
        memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
        memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * g**2
        m_hat, v_hat = memory["m"] / (1 - 0.9**t), memory["v"] / (1 - 0.999**t)
        return p - LR * m_hat / (np.sqrt(v_hat) + 1e-8)

    assert_follows(follow(Adam(start()), start()), formula)


@pytest.mark.parametrize("make", [SGD, Adam])
def test_weights_decay_beside_the_step_and_biases_do_not(make):
    plain, decayed = start(), start()
    gradient = gradients()[0]
    make(plain).update(plain, gradient, LR)
    make(decayed, weight_decay=0.5).update(decayed, gradient, LR)

    assert np.allclose(plain["W"] - decayed["W"], LR * 0.5 * start()["W"])
    assert np.array_equal(plain["b"], decayed["b"])


@pytest.mark.parametrize("make", [SGD, lambda p: SGD(p, 0.9, nesterov=True), Adam])
def test_an_update_is_in_place_in_the_same_type_and_leaves_the_gradients(make):
    params = {name: array.astype(np.float32) for name, array in start().items()}
    gradient = {name: array.astype(np.float32) for name, array in gradients()[0].items()}
    given = {name: array.copy() for name, array in gradient.items()}
    arrays = dict(params)

    make(params).update(params, gradient, LR)

    for name, array in params.items():
        assert array is arrays[name]
        assert array.dtype == np.float32
        assert np.array_equal(gradient[name], given[name])


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (lambda p: SGD(p, 0.9), "SGD", {"momentum": 0.9}),
        (lambda p: SGD(p, 0.9, nesterov=True), "SGD", {"momentum": 0.9, "nesterov": True}),
        (lambda p: Adam(p, weight_decay=0.1), "AdamW", {"weight_decay": 0.1}),
    ],
)
def test_pytorch_takes_the_same_steps(ours, theirs, options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    params = {"W": start()["W"]}
    path = follow(ours(params), params)
    parameter = torch.nn.Parameter(torch.from_numpy(start()["W"]))
    optimizer = getattr(torch.optim, theirs)([parameter], lr=LR, **options)
    for gradient, point in zip(gradients(), path, strict=True):
        parameter.grad = torch.from_numpy(gradient["W"])
        optimizer.step()
        assert np.allclose(parameter.detach().numpy(), point["W"], rtol=1e-12, atol=1e-12)


def rates(schedule, warmup, steps=100):
    return [learning_rate(0.2, schedule, warmup, step, steps) for step in range(steps)]


def test_a_constant_rate_stays():
    assert set(rates("constant", 0)) == {0.2}


def test_a_linear_rate_falls_evenly_towards_zero():
    assert rates("linear", 0) == pytest.approx([0.2 * (1 - step / 100) for step in range(100)])


def test_a_cosine_rate_is_half_way_down_at_half_time():
    found = rates("cosine", 0)

    assert found == pytest.approx(
        [0.2 * (1 + math.cos(math.pi * step / 100)) / 2 for step in range(100)]
    )
    assert found[50] == pytest.approx(0.1)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_a_warm_up_rises_in_a_straight_line_to_the_highest_rate(schedule):
    found = rates(schedule, 0.2)

    assert found[:20] == pytest.approx([0.2 * step / 20 for step in range(1, 21)])
    assert found[20] == pytest.approx(0.2)
    assert found[20:] == sorted(found[20:], reverse=True)


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("warmup", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_no_rate_is_negative_or_too_high_however_short_the_run(schedule, warmup, steps):
    assert all(0 < rate <= 0.2 for rate in rates(schedule, warmup, steps))


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="must be one of constant, linear, cosine, not 'cosin'"):
        learning_rate(0.1, "cosin", 0, 5, 10)


def test_adam_goes_on_where_it_stopped():
    whole, params = Adam(start()), start()
    path = follow(whole, params)
    first, second = start(), {}
    before = Adam(first)
    for gradient in gradients()[:7]:
        before.update(first, gradient, LR)
    second = {name: array.copy() for name, array in first.items()}
    resumed = Adam(second, steps=7)
    for name, array in before.state.items():
        resumed.state[name][...] = array
    for gradient in gradients()[7:]:
        resumed.update(second, gradient, LR)

    for name, array in second.items():
        assert np.array_equal(array, path[-1][name])


def test_the_state_is_what_a_step_depends_on_beside_the_parameters():
    assert SGD(start()).state == {}
    assert list(SGD(start(), 0.9).state) == ["velocity.W", "velocity.b"]
    assert list(Adam(start()).state) == ["m.W", "v.W", "m.b", "v.b"]
