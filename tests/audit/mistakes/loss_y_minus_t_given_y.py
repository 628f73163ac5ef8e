import numpy as np


class CrossEntropy:
    """Is given the probabilities y, not the logits."""

    def forward(self, y, t):
        self.y, self.t = y, t
        return -np.sum(t * np.log(y + 1e-7)) / y.shape[0]

    def backward(self, dout=1.0):
        return dout * (self.y - self.t) / self.y.shape[0]
