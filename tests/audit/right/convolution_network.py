import numpy as np
from common.layers import Affine, BatchNormalization, Convolution, Pooling, Relu, SoftmaxWithLoss


class SimpleConvNet:
    def __init__(self, input_dim=(1, 8, 8), filters=3, output_size=4):
        self.params = {
            "W1": np.random.randn(filters, input_dim[0], 3, 3), "b1": np.zeros(filters),
            "W2": np.random.randn(filters * 9, output_size), "b2": np.zeros(output_size),
        }
        p = self.params
        self.layers = [Convolution(p["W1"], p["b1"]), Relu(), Pooling(2, 2, stride=2), Affine(p["W2"], p["b2"])]
        self.last_layer = SoftmaxWithLoss()

    def loss(self, x, t):
        for layer in self.layers:
            x = layer.forward(x)
        return self.last_layer.forward(x, t)

    def gradient(self, x, t):
        self.loss(x, t)
        d = self.last_layer.backward(1)
        for layer in self.layers[::-1]:
            d = layer.backward(d)
        first, last = self.layers[0], self.layers[-1]
        return {"W1": first.dW, "b1": first.db, "W2": last.dW, "b2": last.db}


class NetWithBatchNormalization:
    def __init__(self, input_size, hidden_size, output_size):
        self.params = {
            "W1": np.random.randn(input_size, hidden_size), "b1": np.zeros(hidden_size),
            "gamma1": np.ones(hidden_size), "beta1": np.zeros(hidden_size),
            "W2": np.random.randn(hidden_size, output_size), "b2": np.zeros(output_size),
        }
        p = self.params
        self.layers = [
            Affine(p["W1"], p["b1"]), BatchNormalization(p["gamma1"], p["beta1"]), Relu(), Affine(p["W2"], p["b2"]),
        ]
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x, train_flg=False):
        for layer in self.layers:
            x = layer.forward(x, train_flg) if isinstance(layer, BatchNormalization) else layer.forward(x)
        return x

    def loss(self, x, t, train_flg=False):
        return self.last_layer.forward(self.predict(x, train_flg), t)

    def gradient(self, x, t):
        self.loss(x, t, train_flg=True)
        d = self.last_layer.backward(1)
        for layer in self.layers[::-1]:
            d = layer.backward(d)
        a, n, _, c = self.layers
        return {"W1": a.dW, "b1": a.db, "gamma1": n.dgamma, "beta1": n.dbeta, "W2": c.dW, "b2": c.db}
