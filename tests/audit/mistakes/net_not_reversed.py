import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Network:
    def __init__(self, n_in, n_hidden, n_out):
        self.params = {}
        for i, (a, b) in enumerate([(n_in, n_hidden), (n_hidden, n_out)], 1):
            self.params[f"W{i}"] = np.random.randn(a, b)
            self.params[f"b{i}"] = np.zeros(b)
        self.layers = [Affine(self.params[f"W{i}"], self.params[f"b{i}"]) for i in (1, 2)]

    def loss(self, x, t):
        for layer in self.layers:
            x = layer.forward(x)
        self.d = x - t
        return (self.d ** 2).sum() / 2

    def gradient(self, x, t):
        self.loss(x, t)
        d = self.d
        for layer in self.layers:
            d = layer.backward(d)
        return {f"{k}{i}": getattr(self.layers[i - 1], f"d{k}") for i in (1, 2) for k in "Wb"}
