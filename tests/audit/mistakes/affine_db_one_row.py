import numpy as np


class FullyConnected:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, dout):
        self.dweight = self.x.T @ dout
        self.dbias = dout[0]
        return dout @ self.weight.T
