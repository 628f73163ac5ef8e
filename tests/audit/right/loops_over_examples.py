import numpy as np
class Relu:
    def forward(self, x):
        self.x = x
        y = np.zeros_like(x)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                y[i, j] = x[i, j] if x[i, j] > 0 else 0
        return y
    def backward(self, dout):
        dx = np.zeros_like(self.x)
        dx[self.x > 0] = dout[self.x > 0]
        return dx
class Affine:
    def __init__(self, W, b): self.W, self.b = W, b
    def forward(self, x):
        if x.ndim != 2: raise ValueError("a batch, please")
        self.x = x
        return np.array([[sum(xi * w for xi, w in zip(row, col)) for col in self.W.T] for row in x]) + self.b
    def backward(self, dout):
        self.dW = np.zeros_like(self.W); self.db = np.zeros_like(self.b)
        for n in range(len(dout)):
            self.dW += np.outer(self.x[n], dout[n]); self.db += dout[n]
        return dout @ self.W.T
class Network:
    """3 layers"""
    def __init__(self, input_size=784, hidden1=100, hidden2=50, output_size=10):
        from collections import OrderedDict
        sizes = [input_size, hidden1, hidden2, output_size]
        self.params = {}
        for i, (a, b) in enumerate(zip(sizes, sizes[1:]), 1):
            self.params['W%d' % i] = np.random.normal(0, np.sqrt(2 / a), (a, b))
            self.params['b%d' % i] = np.zeros(b)
        self.layers = OrderedDict((i, (Affine2(self.params['W%d' % i], self.params['b%d' % i]), Relu2())) for i in (1, 2, 3))
    def loss(self, x, t):
        for i, (a, r) in self.layers.items():
            x = a.forward(x)
            if i < 3: x = r.forward(x)
        self.y = x; self.t = t if t.ndim == 2 else np.eye(x.shape[1])[t]
        return ((self.y - self.t) ** 2).sum() / 2 / len(x)
    def gradient(self, x, t):
        self.loss(x, t)
        d = (self.y - self.t) / len(x)
        g = {}
        for i, (a, r) in reversed(self.layers.items()):
            if i < 3: d = r.backward(d)
            d = a.backward(d)
            g['W%d' % i], g['b%d' % i] = a.dW, a.db
        return g
class Affine2:
    def __init__(self, W, b): self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, d):
        self.dW, self.db = self.x.T @ d, d.sum(0)
        return d @ self.W.T
class Relu2:
    def forward(self, x):
        self.m = x > 0
        return x * self.m
    def backward(self, d):
        d[~self.m] = 0
        return d
