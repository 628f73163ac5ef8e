import numpy as np


class Exp:
    def forward(self, x):
        self.y = np.exp(x)
        return self.y

    def backward(self, dout):
        return dout * self.y


class Newton:
    def forward(self, x):
        y = np.ones_like(x)
        while np.abs(y * y - x).max() > 0:
            y = (y + x / y) / 2
        self.y = y
        return y

    def backward(self, dout):
        return dout / (2 * self.y)


class Identity:
    def forward(self, x):
        return x

    def backward(self, dout):
        return dout
