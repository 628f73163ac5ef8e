import numpy as np
from my_old_functions import softmax


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.t = t
        self.y = softmax(x)
        return -np.sum(t * np.log(self.y + 1e-7)) / t.shape[0]

    def backward(self, dout=1):
        return (self.y - self.t) / self.t.shape[0]
