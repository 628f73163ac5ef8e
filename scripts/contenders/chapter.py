"""The chapter's loop, as its notebook runs it.

In float64, with one-hot labels, the gradients of all inputs, and another forward pass for the loss.
"""

import sys
from collections import OrderedDict

import idx
import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx


class Relu:
    def forward(self, x):
        self.negative = x <= 0
        out = x.copy()
        out[self.negative] = 0
        return out

    def backward(self, dout):
        dout[self.negative] = 0
        return dout


class SoftmaxWithLoss:
    def forward(self, x, t):
        exponentials = np.exp(x - np.max(x, axis=1, keepdims=True))
        self.y = exponentials / np.sum(exponentials, axis=1, keepdims=True)
        self.t = t
        return -np.sum(np.log(self.y[np.arange(len(x)), t.argmax(axis=1)] + 1e-7)) / len(x)

    def backward(self):
        return (self.y - self.t) / len(self.t)


class Net:
    def __init__(self):
        self.params = {
            "W1": 0.01 * np.random.randn(784, 50),
            "b1": np.zeros(50),
            "W2": 0.01 * np.random.randn(50, 10),
            "b2": np.zeros(10),
        }
        self.layers = OrderedDict(
            Affine1=Affine(self.params["W1"], self.params["b1"]),
            Relu1=Relu(),
            Affine2=Affine(self.params["W2"], self.params["b2"]),
        )
        self.last = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        return self.last.forward(self.predict(x), t)

    def accuracy(self, x, t):
        return np.mean(np.argmax(self.predict(x), axis=1) == np.argmax(t, axis=1))

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last.backward()
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)
        first, second = self.layers["Affine1"], self.layers["Affine2"]
        return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}


(x_train, t_train), (x_test, t_test) = idx.read()
t_train, t_test = np.eye(10)[t_train], np.eye(10)[t_test]
epochs = int(sys.argv[2])

np.random.seed(0)
net = Net()
losses = []
for step in range(1, 600 * epochs + 1):
    chosen = np.random.choice(60_000, 100)
    x, t = x_train[chosen], t_train[chosen]
    gradient = net.gradient(x, t)
    for name in net.params:
        net.params[name] -= 0.1 * gradient[name]
    losses.append(net.loss(x, t))
    if step % 600 == 0:
        idx.report(step // 600, net.accuracy(x_train, t_train), net.accuracy(x_test, t_test))
