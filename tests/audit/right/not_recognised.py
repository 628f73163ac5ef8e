import numpy as np


class Attention:
    def __init__(self, query, key, value, heads):
        self.all = query, key, value, heads

    def forward(self, x):
        return x @ self.all[0]

    def backward(self, dout):
        return dout


class ForwardOnly:
    def forward(self, x):
        return x


class WithACache:
    def forward(self, x):
        return np.tanh(x), x

    def backward(self, dout, cache):
        return dout * (1 - np.tanh(cache) ** 2)


class Averager:
    def forward(self, x, y, z, w):
        return (x + y + z + w) / 4

    def backward(self, dout):
        return dout / 4, dout / 4, dout / 4, dout / 4
