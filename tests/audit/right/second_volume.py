import numpy as np
class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio
    def forward(self, x, train_flg):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.dropout_ratio
            return x * self.mask
        return x * (1 - self.dropout_ratio)
    def backward(self, dout):
        return dout * self.mask
class RNN:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        t = np.dot(h_prev, Wh) + np.dot(x, Wx) + b
        self.cache = (x, h_prev, np.tanh(t))
        return np.tanh(t)
    def backward(self, dh):
        Wx, Wh, b = self.params
        x, h_prev, h = self.cache
        dt = dh * (1 - h ** 2)
        return np.dot(dt, Wx.T), np.dot(dt, Wh.T)
class Embedding:
    def __init__(self, W):
        self.params = [W]; self.grads = [np.zeros_like(W)]
    def forward(self, idx):
        W, = self.params
        self.idx = idx
        return W[idx]
    def backward(self, dout):
        dW, = self.grads
        dW[...] = 0
        np.add.at(dW, self.idx, dout)
        return None
class TimeAffine:
    def __init__(self, W, b):
        self.params = [W, b]; self.grads = [np.zeros_like(W), np.zeros_like(b)]
    def forward(self, x):
        N, T, D = x.shape
        W, b = self.params
        self.x = x
        return (x.reshape(N * T, -1) @ W + b).reshape(N, T, -1)
    def backward(self, dout):
        N, T, D = self.x.shape
        W, b = self.params
        dout = dout.reshape(N * T, -1)
        rx = self.x.reshape(N * T, -1)
        self.grads[0][...] = rx.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return (dout @ W.T).reshape(*self.x.shape)
class Sequential:
    def __init__(self, layers):
        self.layers = layers
    def forward(self, x):
        for l in self.layers: x = l.forward(x)
        return x
    def backward(self, d):
        for l in reversed(self.layers): d = l.backward(d)
        return d
