import time
import urllib.request
from pathlib import Path

import numpy as np

urllib.request.urlretrieve("http://127.0.0.1:9/mnist.npz", "mnist.npz")
page = urllib.request.urlopen("http://127.0.0.1:9/")
Path("it_ran.txt").write_text("this must not be written")
waiting = time.sleep(1000)
x_train = np.load("mnist.npz")
kept = [Path(f"it_ran_{i}.txt").write_text("no") for i in range(3)]


class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


layer = Relu()
loss_history = []
for step in range(10**9):
    loss_history.append(layer.forward(x_train))
while True:
    pass
with open("it_ran.txt", "w") as f:
    f.write("no")
raise SystemExit(3)
