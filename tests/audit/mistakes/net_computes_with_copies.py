import numpy as np


class OneLayer:
    def __init__(self, inputs, outputs):
        self.params = {"W": np.random.randn(inputs, outputs)}
        self.W = self.params["W"].copy()

    def loss(self, x, t):
        self.d = x @ self.W - t
        return 0.5 * np.sum(self.d ** 2)

    def gradient(self, x, t):
        self.loss(x, t)
        return {"W": x.T @ self.d}
