import numpy as np
class SoftmaxWithLoss:
    def __init__(self): self.params, self.grads = [], []
    def forward(self, x, t):
        self.t = t
        self.y = self._softmax(x)
        if self.t.size == self.y.size:
            self.t = self.t.argmax(axis=1)
        return self._cee(self.y, self.t)
    @staticmethod
    def _softmax(x):
        x = x - x.max(axis=-1, keepdims=True)
        e = np.exp(x)
        return e / e.sum(axis=-1, keepdims=True)
    def _cee(self, y, t):
        return -np.sum(np.log(y[np.arange(len(y)), t] + 1e-7)) / len(y)
    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        dx *= dout
        dx = dx / len(dx)
        return dx
class SumSquares:
    def forward(self, x, t):
        self.x, self.t = x, t
        return 0.5 * ((x - t) ** 2).sum()
    def backward(self, dout=1.): return dout * (self.x - self.t)
class Huber:
    def __init__(self, delta=1.0): self.delta = delta
    def forward(self, pred, target):
        self.d = pred - target
        a = np.abs(self.d)
        return np.where(a <= self.delta, .5 * a ** 2, self.delta * (a - .5 * self.delta)).mean()
    def backward(self):
        return np.clip(self.d, -self.delta, self.delta) / self.d.size
class ELU:
    def __init__(self, alpha=1.0): self.alpha = alpha
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * (np.exp(x) - 1))
    def backward(self, dout): return dout * np.where(self.x > 0, 1, self.alpha * np.exp(self.x))
class GELU:
    def forward(self, x):
        self.x = x
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))
    def backward(self, dout):
        x = self.x; c = np.sqrt(2 / np.pi)
        th = np.tanh(c * (x + 0.044715 * x ** 3))
        return dout * (0.5 * (1 + th) + 0.5 * x * (1 - th ** 2) * c * (1 + 3 * 0.044715 * x ** 2))
class Sqrt:
    def forward(self, x):
        self.y = np.sqrt(x); return self.y
    def backward(self, dout): return dout / (2 * self.y)
class Power:
    def __init__(self, n): self.n = n
    def forward(self, x):
        self.x = x; return x ** self.n
    def backward(self, dout): return dout * self.n * self.x ** (self.n - 1)
class Max:
    def forward(self, x, y):
        self.m = x > y
        return np.maximum(x, y)
    def backward(self, dout): return dout * self.m, dout * ~self.m
class Dot:
    def forward(self, x, y):
        self.x, self.y = x, y
        return np.sum(x * y)
    def backward(self, dout): return dout * self.y, dout * self.x
class Repeat:
    def __init__(self, n): self.n = n
    def forward(self, x): return np.repeat(x[:, None], self.n, axis=1)
    def backward(self, dout): return dout.sum(axis=1)
class LayerNorm:
    def __init__(self, gamma, beta, eps=1e-5): self.gamma, self.beta, self.eps = gamma, beta, eps
    def forward(self, x):
        self.mu = x.mean(-1, keepdims=True); self.s = np.sqrt(x.var(-1, keepdims=True) + self.eps)
        self.xn = (x - self.mu) / self.s
        return self.gamma * self.xn + self.beta
    def backward(self, dout):
        self.dgamma, self.dbeta = (dout * self.xn).sum(0), dout.sum(0)
        d = dout * self.gamma
        return (d - d.mean(-1, keepdims=True) - self.xn * (d * self.xn).mean(-1, keepdims=True)) / self.s
