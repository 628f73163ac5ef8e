"""The training loop: forward, backward, update, and no more work than that."""

import math
import tracemalloc

import numpy as np
import pytest

from mnist_bp.errors import DivergedError
from mnist_bp.functions import in_batches, scale_pixels
from mnist_bp.network import TwoLayerNet
from mnist_bp.optimizers import SGD
from mnist_bp.training import train_batches


@pytest.fixture
def batch(dataset):
    digits, _ = dataset
    return scale_pixels(digits.images[:100]), digits.labels[:100]


def chapters_net():
    return TwoLayerNet(784, 50, 10, dtype=np.float32, rng=0)


def step(net, batch, lr=0.1):
    (loss,) = train_batches(net, SGD(net.params), [batch], [lr])
    return loss


def test_a_step_is_the_gradient_step_of_the_chapter(batch):
    net = chapters_net()
    before = {name: array.copy() for name, array in net.params.items()}
    expected_loss, gradient = net.loss(*batch), net.gradient(*batch)

    loss = step(net, batch)

    assert loss == expected_loss
    for name, array in net.params.items():
        assert np.array_equal(array, before[name] - np.float32(0.1) * gradient[name])
        assert array.dtype == np.float32


def test_every_batch_is_a_step_with_its_own_rate(batch):
    net, by_hand = chapters_net(), chapters_net()
    x, t = batch
    parts = list(zip(in_batches(x, 40), in_batches(t, 40), strict=True))

    losses = list(train_batches(net, SGD(net.params), parts, [0.3, 0.2, 0.1]))

    assert losses == [
        step(by_hand, part, lr) for part, lr in zip(parts, [0.3, 0.2, 0.1], strict=True)
    ]
    assert all(type(loss) is float for loss in losses)
    for name, array in net.params.items():
        assert np.array_equal(array, by_hand.params[name])


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_ends_the_loop(batch, bad):
    net = chapters_net()
    net.params["b2"][0] = bad

    with pytest.raises(DivergedError, match="the loss is nan"):
        step(net, batch)


class Weights(np.ndarray):
    """Weights that count the matrix products they have a part in."""

    products = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        Weights.products += ufunc is np.matmul
        plain = [each.view(np.ndarray) if isinstance(each, Weights) else each for each in inputs]
        targets = {"out": tuple(each.view(np.ndarray) for each in out)} if out else {}
        result = getattr(ufunc, method)(*plain, **options, **targets)
        return out[0] if out else result


def test_a_step_multiplies_by_weights_three_times(batch):
    params = {name: array.view(Weights) for name, array in chapters_net().params.items()}

    step(TwoLayerNet.from_params(params), batch)

    # Twice forward, once back to the hidden layer: no second pass for the loss, and none of the
    # work that the images' gradient would be.
    assert Weights.products == 3


def test_a_step_makes_few_new_bytes(batch):
    net = chapters_net()
    step(net, batch)

    tracemalloc.start()
    step(net, batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # In float32: the hidden layer a few times over, the gradients, and the update of one of them.
    hidden, gradients = 4 * 100 * 50, 4 * (784 * 50 + 50 + 50 * 10 + 10)
    assert peak < 10 * hidden + 2 * gradients
