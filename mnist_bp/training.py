"""Training: batches, steps, epochs, and the record of it all."""

import math
from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mnist_bp.data.digits import Digits, normalized
from mnist_bp.errors import DivergedError
from mnist_bp.evaluation import Evaluation, evaluate
from mnist_bp.history import EpochResult
from mnist_bp.network import TwoLayerNet
from mnist_bp.optimizers import SGD
from mnist_bp.randomness import Purpose, stream
from mnist_bp.recipe import Recipe
from mnist_bp.weights import CLASSES, INPUTS, Weights


class Run:
    """A net in training: everything that changes as it learns.

    Parameters
    ----------
    recipe : Recipe
        Where the net, the optimizer and all chance come from.

    Attributes
    ----------
    net : TwoLayerNet
        With float32 parameters.
    optimizer : Optimizer
    epochs : int
        Epochs finished.
    history : list of EpochResult
    step_losses : list of float
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.net = TwoLayerNet(
            INPUTS,
            recipe.hidden,
            CLASSES,
            recipe.weight_init_std,
            dtype=np.float32,
            activation=recipe.activation,
            rng=stream(recipe.seed, Purpose.WEIGHTS),
        )
        self.optimizer = SGD(recipe.lr)
        self.epochs = 0
        self.history: list[EpochResult] = []
        self.step_losses: list[float] = []

    def step(self, digits: Digits, indices: NDArray[np.intp]) -> float:
        """Learn from one batch: forward, backward, update. Return its loss.

        Raises
        ------
        DivergedError
            The loss is not a finite number.
        """
        x, t = normalized(digits.images[indices]), digits.labels[indices]
        with np.errstate(over="ignore", invalid="ignore"):
            loss, gradients = self.net.loss_and_gradient(x, t)
            self.optimizer.update(self.net.params, gradients)
        self.step_losses.append(float(loss))
        if not math.isfinite(loss):
            raise DivergedError(
                f"the run diverged: at step {len(self.step_losses):,} the loss is {loss}, with a "
                f"learning rate of {self.recipe.lr}; try a smaller one, such as --lr 0.1"
            )
        return float(loss)

    def record(
        self, loss: float, train: Evaluation, test: Evaluation, started: float
    ) -> EpochResult:
        """Add a row to the history and return it; `started` is when the epoch began."""
        seconds = perf_counter() - started
        row = EpochResult(self.epochs, loss, train.accuracy, test.accuracy, seconds)
        self.history.append(row)
        return row

    def weights(self, digits: Digits) -> Weights:
        """Return what a weights file is to hold of the run, trained on these digits, as of now."""
        return Weights(
            self.net.params,
            self.recipe,
            dataset=digits.dataset,
            digests=digits.digests,
            epochs=self.epochs,
            history=self.history,
            step_losses=np.array(self.step_losses, np.float32),
            optimizer=self.optimizer.state,
        )


def train(
    run: Run, train: Digits, test: Digits, after_step: Callable[[], object] = lambda: None
) -> Iterator[EpochResult]:
    """Train, and yield a result for the untrained net and then one for each epoch.

    Between two results the run rests: what it holds then is what the result tells of.

    Parameters
    ----------
    run : Run
    train, test : Digits
        To learn from, and to measure by as well.
    after_step : function
        Called after every step.

    Raises
    ------
    DivergedError
        The loss is not a finite number any more.
    """
    with threadpool_limits(run.recipe.threads, user_api="blas"):
        started = perf_counter()
        untrained = evaluate(run.net, train)
        yield run.record(untrained.loss, untrained, evaluate(run.net, test), started)

        for epoch in range(1, run.recipe.epochs + 1):
            started = perf_counter()
            losses = []
            for indices in batches(run.recipe, epoch, len(train)):
                losses.append(run.step(train, indices))
                after_step()
            run.epochs = epoch
            loss = float(np.mean(losses))
            yield run.record(loss, evaluate(run.net, train), evaluate(run.net, test), started)


def steps_per_epoch(recipe: Recipe, size: int) -> int:
    """Return how many batches `size` training digits make."""
    return math.ceil(size / recipe.batch_size)


def batches(recipe: Recipe, epoch: int, size: int) -> list[NDArray[np.intp]]:
    """Return which of the `size` training digits each batch of an epoch (1, 2, ...) holds.

    Every batch has `recipe.batch_size` of them, except the last one, which has what is left.
    """
    rng = stream(recipe.seed, Purpose.ORDER, epoch)
    if recipe.sampling == "replacement":
        order = rng.integers(size, size=size)
    else:
        order = rng.permutation(size)
    return np.split(order, range(recipe.batch_size, size, recipe.batch_size))
