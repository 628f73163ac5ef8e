"""What a run has been through: a row for each epoch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochResult:
    """One row of the table that `train` prints.

    Attributes
    ----------
    epoch : int
        0 is the untrained net.
    loss : float
        Mean of the losses of the epoch's batches, as they were learnt from, distorted and smoothed
        if the recipe says so; for epoch 0, the loss over the training digits as they are.
    train_accuracy, test_accuracy : float
        Fractions, measured after the epoch on all training and all test digits; on the digits that
        are held out, where some are, in place of the test digits.
    seconds : float
        What the epoch's steps took, from the first to the last; for epoch 0, its evaluation. Later
        ones are evaluated while the next epoch learns.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float
