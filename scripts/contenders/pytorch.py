"""PyTorch: tensors in memory, batches by index, plain gradient descent."""

import sys

import idx
import torch
from torch.nn import functional

train, test = idx.read()
x_train, t_train, x_test, t_test = (torch.from_numpy(array) for array in (*train, *test))
t_train, t_test = t_train.long(), t_test.long()

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(784, 50), torch.nn.ReLU(), torch.nn.Linear(50, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)


def accuracy(x, t):
    with torch.no_grad():
        return (net(x).argmax(dim=1) == t).float().mean()


for epoch in range(1, int(sys.argv[2]) + 1):
    for chosen in torch.randperm(len(x_train)).split(100):
        loss = functional.cross_entropy(net(x_train[chosen]), t_train[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    idx.report(epoch, accuracy(x_train, t_train), accuracy(x_test, t_test))
