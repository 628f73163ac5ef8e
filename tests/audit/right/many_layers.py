from collections import OrderedDict

import numpy as np
from common.layers import Affine, Relu, Sigmoid, SoftmaxWithLoss


class MultiLayerNet:
    def __init__(self, input_size, hidden_size_list, output_size, activation="relu", weight_decay_lambda=0):
        self.weight_decay_lambda = weight_decay_lambda
        sizes = [input_size] + hidden_size_list + [output_size]
        self.params = {}
        self.layers = OrderedDict()
        for i in range(1, len(sizes)):
            self.params["W" + str(i)] = np.sqrt(2 / sizes[i - 1]) * np.random.randn(sizes[i - 1], sizes[i])
            self.params["b" + str(i)] = np.zeros(sizes[i])
            self.layers["Affine" + str(i)] = Affine(self.params["W" + str(i)], self.params["b" + str(i)])
            if i < len(sizes) - 1:
                self.layers["Activation" + str(i)] = {"relu": Relu, "sigmoid": Sigmoid}[activation]()
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        decay = sum(0.5 * self.weight_decay_lambda * np.sum(p ** 2) for k, p in self.params.items() if k[0] == "W")
        return self.last_layer.forward(self.predict(x), t) + decay

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last_layer.backward(1)
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)
        grads = {}
        for key in self.params:
            affine = self.layers["Affine" + key[1:]]
            grads[key] = affine.dW + self.weight_decay_lambda * affine.W if key[0] == "W" else affine.db
        return grads
