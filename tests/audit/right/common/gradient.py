import numpy as np


def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    it = np.nditer(x, flags=['multi_index'], op_flags=['readwrite'])
    while not it.finished:
        idx = it.multi_index
        kept = x[idx]
        x[idx] = kept + h
        above = f(x)
        x[idx] = kept - h
        below = f(x)
        grad[idx] = (above - below) / (2 * h)
        x[idx] = kept
        it.iternext()
    return grad
