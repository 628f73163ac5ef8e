"""Keras on JAX: fit, and an evaluation of both sets after every epoch."""

import os
import sys

os.environ["KERAS_BACKEND"] = "jax"

import idx
import keras

(x_train, t_train), (x_test, t_test) = idx.read()
keras.utils.set_random_seed(0)
net = keras.Sequential([keras.layers.Dense(50, "relu"), keras.layers.Dense(10)])
net.compile(
    keras.optimizers.SGD(0.1),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
for epoch in range(1, int(sys.argv[2]) + 1):
    net.fit(x_train, t_train, batch_size=100, verbose=0)
    accuracies = (
        net.evaluate(x, t, batch_size=1000, verbose=0)[1]
        for x, t in ((x_train, t_train), (x_test, t_test))
    )
    idx.report(epoch, *accuracies)
