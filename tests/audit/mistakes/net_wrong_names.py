import numpy as np


class Net:
    def __init__(self, D, H, C):
        self.params = {"W1": np.random.randn(D, H), "b1": np.zeros(H), "W2": np.random.randn(H, C), "b2": np.zeros(C)}

    def predict(self, x):
        p = self.params
        self.h = np.maximum(x @ p["W1"] + p["b1"], 0)
        return self.h @ p["W2"] + p["b2"]

    def loss(self, x, t):
        z = self.predict(x)
        z = z - z.max(axis=1, keepdims=True)
        self.y = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(x)), t if t.ndim == 1 else t.argmax(1)]).mean()

    def gradient(self, x, t):
        self.loss(x, t)
        d = self.y.copy()
        d[np.arange(len(x)), t if t.ndim == 1 else t.argmax(1)] -= 1
        d /= len(x)
        dh = (d @ self.params["W2"].T) * (self.h > 0)
        return {"dW1": x.T @ dh, "db1": dh.sum(0), "dW2": self.h.T @ d, "db2": d.sum(0)}
