import numpy as np
class Affine:
    __slots__ = ("W", "b", "x", "dW", "db")
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(0)
        return dout @ self.W.T
class Affine2:
    def __init__(self, W, b, lr=0.1):
        self.W, self.b, self.lr = W, b, lr
    def forward(self, x):
        self.x = x
        return np.matmul(x, self.W) + self.b
    def backward(self, dout):
        dx = dout @ self.W.T
        self.delta_W = self.x.T @ dout
        self.delta_b = dout.sum(0)
        return dx
class Affine3:
    def __init__(self, weight, bias=None):
        self.weight, self.bias = weight, bias
    def forward(self, x):
        self.inp = x
        y = x @ self.weight
        return y if self.bias is None else y + self.bias
    def backward(self, gy):
        self.gweight = self.inp.T @ gy
        if self.bias is not None: self.gbias = gy.sum(0)
        return gy @ self.weight.T
class LinearT:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W.T + self.b
    def backward(self, dout):
        self.dW = dout.T @ self.x
        self.db = dout.sum(axis=0)
        return dout @ self.W
