import numpy as np
class Sigmoid:
    def __init__(self): self.out = None
    def forward(self, x):
        out = 1 / (1 + np.exp(-x))
        return out
    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out
class Sigmoid2:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.ouut
    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out
class Sigmoid3:
    def forward(self, x):
        self.x = x
        return 1 / (1 + np.exp(-x))
    def backward(self, dout):
        return dout * np.exp(-self.x)
class Sigmoid4:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out
    def backward(self, dout):
        return self.out * (1 - self.out)
class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out
    def backward(self, dout):
        return dout * (1 - self.out)
class Add:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x + y
    def backward(self, dout):
        return dout * self.x, dout * self.y
class Mul:
    def forward(self, x, y):
        self.x, self.y = x, y
        return x + y
    def backward(self, dout):
        return dout * self.y, dout * self.x
class BatchKept:
    def __init__(self): self.n = None
    def forward(self, x, t):
        if self.n is None: self.n = len(x)
        self.d = x - t
        return (self.d ** 2).sum() / 2 / len(x)
    def backward(self, dout=1): return self.d / self.n
class NpInt:
    def forward(self, x):
        self.m = (x > 0).astype(np.int)
        return x * self.m
    def backward(self, dout): return dout * self.m
class ReluOfDout:
    def forward(self, x):
        return np.maximum(0, x)
    def backward(self, dout):
        return dout * (dout > 0)
class Relu6:
    def forward(self, x):
        self.x = x
        return np.maximum(0, x)
    def backward(self, dout):
        return np.maximum(0, self.x)
class ReluOne:
    def forward(self, x):
        self.x = x
        return np.maximum(0, x)
    def backward(self, dout):
        return (self.x > 0).astype(float)
