import math

import numpy as np


class AddNode:
    def forward(self, x, y): return x + y
    def backward(self, dout): return dout, dout

class MulNode:
    def forward(self, x, y):
        self.cache = (x, y)
        return np.multiply(x, y)
    def backward(self, dout):
        x, y = self.cache
        return y * dout, x * dout

class SubNode:
    def forward(self, a, b): return a - b
    def backward(self, dout): return dout, -dout

class DivNode:
    def forward(self, a, b):
        self.a, self.b = a, b
        return a / b
    def backward(self, d):
        return d / self.b, -d * self.a / self.b ** 2

class ExpNode:
    def forward(self, x):
        self.out = np.exp(x)
        return self.out
    def backward(self, dout): return self.out * dout

class LogNode:
    def forward(self, x):
        self.x = x
        return np.log(x)
    def backward(self, dout): return dout / self.x

class Reciprocal:
    def forward(self, x):
        self.out = x ** -1.0
        return self.out
    def backward(self, dout): return -dout * self.out * self.out

class ScalarExp:
    """For one number at a time."""
    def forward(self, x):
        self.y = math.exp(x)
        return self.y
    def backward(self, dout): return dout * self.y

class Square:
    def forward(self, x):
        self.x = x
        return x ** 2
    def backward(self, dout): return 2 * self.x * dout

class SumNode:
    def forward(self, x):
        self.shape = x.shape
        return x.sum()
    def backward(self, dout): return np.full(self.shape, dout)
