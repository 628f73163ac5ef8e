import numpy as np
class TwoLayerNet:
    def __init__(self, *, input_size, hidden_size, output_size):
        rng = np.random.default_rng(1)
        self.params = {'W1': rng.normal(0, .1, (input_size, hidden_size)), 'b1': np.zeros((1, hidden_size)), 'W2': rng.normal(0, .1, (hidden_size, output_size)), 'b2': np.zeros((1, output_size))}
    def _forward(self, x):
        self.a = x @ self.params['W1'] + self.params['b1']
        self.z = np.tanh(self.a)
        return self.z @ self.params['W2'] + self.params['b2']
    def loss(self, x, t):
        s = self._forward(x)
        s -= s.max(axis=1, keepdims=True)
        self.p = np.exp(s); self.p /= self.p.sum(axis=1, keepdims=True)
        n = len(x)
        if t.ndim == 2: t = t.argmax(axis=1)
        return -np.log(self.p[np.arange(n), t]).sum() / n
    def gradient(self, x, t):
        self.loss(x, t)
        n = len(x)
        if t.ndim == 2: t = t.argmax(axis=1)
        d = self.p.copy(); d[np.arange(n), t] -= 1; d /= n
        g = {}
        g['W2'] = self.z.T @ d
        g['b2'] = d.sum(axis=0, keepdims=True)
        dz = d @ self.params['W2'].T * (1 - self.z ** 2)
        g['W1'] = x.T @ dz
        g['b1'] = dz.sum(axis=0, keepdims=True)
        return g
