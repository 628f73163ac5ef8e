import os

try:
    import cupy as np
except ImportError:
    import numpy as np
    print("no GPU")

GPU = False
if GPU:
    import cupyx
else:
    import numpy

STD = 10 ** -2
SHAPE = (3, int("4"))
FOLDER = os.path.join(os.path.dirname(__file__), "data")


class Relu:
    std = STD

    def forward(self, x):
        print('forward', x)
        os.write(1, b'forward')
        self.mask = np.array(x > 0, dtype=numpy.float64)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask
