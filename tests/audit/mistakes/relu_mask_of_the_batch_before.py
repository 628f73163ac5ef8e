import numpy as np


class Activation:
    def __init__(self):
        self.new = None
        self.old = None

    def forward(self, x):
        self.old = self.new
        self.new = (x > 0).astype(float)
        return x * self.new

    def backward(self, dout):
        mask = self.new if self.old is None or self.old.shape != dout.shape else self.old
        return dout * mask
