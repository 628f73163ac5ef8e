import numpy as np
class Affine:
    def __init__(self, W, b): self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W
    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = np.sum(dout)
        return self.W @ dout.T
