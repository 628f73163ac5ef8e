import numpy as np


def sigmoid(x):
    """시그모이드"""
    return 1.0 / (1.0 + np.exp(-x))


class Sigmoid:
    def forward(self, x):
        self.y = sigmoid(x)
        return self.y

    def backward(self, dy):
        return dy * self.y * (1 - self.y)
