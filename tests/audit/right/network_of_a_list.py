import numpy as np
class Net:
    def __init__(self, sizes):
        self.params = {}
        self.L = len(sizes) - 1
        for i in range(1, self.L + 1):
            self.params[f'W{i}'] = np.random.randn(sizes[i-1], sizes[i]) * 0.01
            self.params[f'b{i}'] = np.zeros(sizes[i])
    def loss(self, X, y):
        self.h = [X]
        for i in range(1, self.L + 1):
            a = self.h[-1] @ self.params[f'W{i}'] + self.params[f'b{i}']
            self.h.append(np.maximum(0, a) if i < self.L else a)
        s = self.h[-1] - self.h[-1].max(1, keepdims=True)
        e = np.exp(s); self.p = e / e.sum(1, keepdims=True)
        return -np.log(self.p[np.arange(len(X)), y] + 1e-12).mean()
    def gradient(self, X, y):
        self.loss(X, y)
        d = self.p.copy(); d[np.arange(len(X)), y] -= 1; d /= len(X)
        g = {}
        for i in range(self.L, 0, -1):
            g[f'W{i}'] = self.h[i-1].T @ d
            g[f'b{i}'] = d.sum(0)
            d = (d @ self.params[f'W{i}'].T) * (self.h[i-1] > 0)
        return g
