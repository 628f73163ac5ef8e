import numpy as np
from common.functions import cross_entropy_error, sigmoid, softmax


class TwoLayerNet:
    def __init__(self, input_size=784, hidden_size=50, output_size=10, std=1e-4):
        self.params = dict(
            W1=std * np.random.randn(input_size, hidden_size),
            b1=np.zeros(hidden_size),
            W2=std * np.random.randn(hidden_size, output_size),
            b2=np.zeros(output_size),
        )

    def predict(self, x):
        p = self.params
        z1 = sigmoid(x @ p["W1"] + p["b1"])
        return softmax(z1 @ p["W2"] + p["b2"])

    def loss(self, x, t):
        return cross_entropy_error(self.predict(x), t)

    def gradient(self, x, t):
        p, n = self.params, len(x)
        z1 = sigmoid(x @ p["W1"] + p["b1"])
        y = softmax(z1 @ p["W2"] + p["b2"])
        dy = (y - t) / n
        da = dy @ p["W2"].T * z1 * (1 - z1)
        return {"W1": x.T @ da, "b1": da.sum(axis=0), "W2": z1.T @ dy, "b2": dy.sum(axis=0)}
