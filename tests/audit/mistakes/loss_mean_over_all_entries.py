import numpy as np


class Loss:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        self.t = t
        return -np.mean(np.sum(t * np.log(self.y), axis=1))

    def backward(self, dout=1):
        return dout * (self.y - self.t) / self.y.size
