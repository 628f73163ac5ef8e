from abc import ABC, abstractmethod

import numpy as np


class Layer:
    def __call__(self, *args):
        return self.forward(*args)

    def forward(self, x):
        raise NotImplementedError

    def backward(self, dout):
        raise NotImplementedError


class Module(ABC):
    @abstractmethod
    def forward(self, x): ...

    @abstractmethod
    def backward(self, dout): ...


class Base:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x):
        pass

    def backward(self, dout):
        pass


class Relu(Layer):
    def forward(self, x):
        self.y = x * (x > 0)
        return self.y

    def backward(self, dout):
        return dout * (self.y > 0)


class Square(Module):
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dout):
        return dout * 2 * self.x


class Affine(Base):
    def __init__(self, W, b):
        super().__init__()
        self.params += [W, b]
        self.grads += [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ self.params[0].T


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for key in params:
            params[key] -= self.lr * grads[key]
