import numpy as np

rng = np.random.default_rng(0)


class Linear:
    def __init__(self, in_features, out_features):
        self.weight = rng.normal(size=(out_features, in_features)) * np.sqrt(2 / in_features)
        self.bias = np.zeros((1, out_features))
        self.grad_weight = None
        self.grad_bias = None

    def forward(self, x):
        self.input = x
        return x @ self.weight.T + self.bias

    def backward(self, grad_output):
        self.grad_weight = grad_output.T @ self.input
        self.grad_bias = grad_output.sum(axis=0, keepdims=True)
        return grad_output @ self.weight


class LinearInMemory:
    def __init__(self, inputs, outputs):
        self.W = np.random.randn(inputs, outputs) * 0.01
        self.b = np.zeros((1, outputs))
        self.params = [self.W, self.b]
        self.gradW = None
        self.gradB = None

    def forward(self, X):
        self.X = X
        self.output = np.dot(X, self.W) + self.b
        return self.output

    def backward(self, nextgrad):
        self.gradW = np.dot(self.X.T, nextgrad)
        self.gradB = np.sum(nextgrad, axis=0)
        return np.dot(nextgrad, self.W.T), [self.gradW, self.gradB]
