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
        Mean of the losses of the epoch's batches; for epoch 0, the loss over the training set.
    train_accuracy, test_accuracy : float
        Fractions, measured after the epoch on all the digits.
    seconds : float
        What the epoch took, its evaluation included.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float
