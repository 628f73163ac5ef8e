import numpy as np

rng = np.random.default_rng(seed=3)


class Dropout:
    def __init__(self, p):
        self.p = p

    def forward(self, x, train=True):
        self.keep = rng.random(x.shape) > self.p
        return x * self.keep / (1 - self.p)

    def backward(self, dout):
        return dout * self.keep / (1 - self.p)
