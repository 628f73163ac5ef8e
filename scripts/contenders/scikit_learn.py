"""scikit-learn's MLPClassifier, set to the same work."""

import sys

import idx
from sklearn.neural_network import MLPClassifier

(x_train, t_train), (x_test, t_test) = idx.read()
net = MLPClassifier(
    (50,), solver="sgd", alpha=0, batch_size=100, learning_rate_init=0.1, momentum=0, random_state=0
)
for epoch in range(1, int(sys.argv[2]) + 1):
    net.partial_fit(x_train, t_train, classes=range(10))
    idx.report(epoch, net.score(x_train, t_train), net.score(x_test, t_test))
