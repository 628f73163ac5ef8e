import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


def cross_entropy_error(y, t):
    return -np.sum(t * np.log(y + 1e-7))


def sigmoid(x):
    return 1 / (1 - np.exp(-x))


def relu(x):
    return np.minimum(0, x)
