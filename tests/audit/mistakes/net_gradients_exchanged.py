import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Net:
    def __init__(self, input_size=784, hidden_size=10, output_size=10):
        self.params = {
            "W1": np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def predict(self, x):
        h = sigmoid(x @ self.params["W1"] + self.params["b1"])
        return h, h @ self.params["W2"] + self.params["b2"]

    def loss(self, x, t):
        _, y = self.predict(x)
        return np.sum((y - t) ** 2) / (2 * len(x))

    def gradient(self, x, t):
        h, y = self.predict(x)
        dy = (y - t) / len(x)
        dh = dy @ self.params["W2"].T * h * (1 - h)
        return {"W1": x.T @ dh, "b1": dy.sum(axis=0), "W2": h.T @ dy, "b2": dh.sum(axis=0)}
