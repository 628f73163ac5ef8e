"""JAX: an epoch is one compiled scan over its batches."""

import sys

import idx
import jax
import jax.numpy as jnp

(x_train, t_train), (x_test, t_test) = jax.tree.map(jnp.asarray, idx.read())
seed, first, second = jax.random.split(jax.random.key(0), 3)
params = {
    "W1": jax.random.normal(first, (784, 50)) * (2 / 784) ** 0.5,
    "b1": jnp.zeros(50),
    "W2": jax.random.normal(second, (50, 10)) * (2 / 50) ** 0.5,
    "b2": jnp.zeros(10),
}


def predict(params, x):
    hidden = jax.nn.relu(x @ params["W1"] + params["b1"])
    return hidden @ params["W2"] + params["b2"]


def loss(params, x, t):
    log_y = jax.nn.log_softmax(predict(params, x))
    return -jnp.take_along_axis(log_y, t[:, None].astype(int), axis=1).mean()


@jax.jit
def learn(params, order):
    def step(params, chosen):
        gradient = jax.grad(loss)(params, x_train[chosen], t_train[chosen])
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient), None

    return jax.lax.scan(step, params, order.reshape(-1, 100))[0]


@jax.jit
def accuracy(params, x, t):
    return (predict(params, x).argmax(axis=1) == t).mean()


for epoch in range(1, int(sys.argv[2]) + 1):
    params = learn(params, jax.random.permutation(jax.random.fold_in(seed, epoch), len(x_train)))
    idx.report(epoch, accuracy(params, x_train, t_train), accuracy(params, x_test, t_test))
