"""Training: steps, epochs, and the record of it all."""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mnist_bp.data.digits import CLASSES, PIXELS, Digits
from mnist_bp.errors import DivergedError, WeightsError
from mnist_bp.evaluation import evaluate
from mnist_bp.network import TwoLayerNet
from mnist_bp.optimizers import SGD, Adam, Arrays, Optimizer, scheduled
from mnist_bp.randomness import Purpose, stream
from mnist_bp.runs.batches import batches, epoch_order, steps_per_epoch
from mnist_bp.runs.checkpoint import Weights
from mnist_bp.runs.history import EpochResult
from mnist_bp.runs.recipe import Recipe

CHANCE = 0.15
"""An accuracy that guessing can have: the most common digit makes up 11 % of MNIST."""

ROUNDING = 1e-4
"""What losses in float32 may differ by, as a fraction, and mean the same."""


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
    epochs, batches : int
        Epochs finished, and batches done of the next one.
    order : int array
        The training digits of that epoch, in order.
    history : list of EpochResult
    step_losses : list of float
    last_sign_of_life : int
        The last step in which some hidden unit fired.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.net = TwoLayerNet(
            PIXELS,
            recipe.hidden,
            CLASSES,
            recipe.weight_init_std if recipe.init == "normal" else recipe.init,
            dtype=np.float32,
            activation=recipe.activation,
            rng=stream(recipe.seed, Purpose.WEIGHTS),
        )
        self.optimizer = _optimizer(recipe, self.net.params)
        self.epochs = 0
        self.batches = 0
        self.order = np.empty(0, np.int64)
        self.history: list[EpochResult] = []
        self.step_losses: list[float] = []
        self.last_sign_of_life = 0

    @classmethod
    def resumed(cls, saved: Weights, recipe: Recipe, size: int) -> "Run":
        """Return a run that goes on exactly where a saved one stopped.

        Parameters
        ----------
        saved : Weights
        recipe : Recipe
            That of the saved run, but for the number of epochs.
        size : int
            The number of training digits.

        Raises
        ------
        WeightsError
            The record of the saved run contradicts itself.
        """
        hidden = saved.params["b1"].size
        if hidden != recipe.hidden:
            raise WeightsError(f"b1 does not fit its recipe: {hidden}, not {recipe.hidden} units")
        run = cls(recipe)
        for name, array in run.net.params.items():
            array[...] = saved.params[name]
        run.epochs, run.batches = saved.epochs, saved.batches
        run.order = saved.order
        run.history = list(saved.history)
        run.step_losses = saved.step_losses.astype(float).ravel().tolist()
        run.last_sign_of_life = len(run.step_losses)
        steps = run.epochs * steps_per_epoch(recipe, size) + run.batches
        if (
            run.epochs < 0
            or [row.epoch for row in run.history] != list(range(run.epochs + 1))
            or len(run.step_losses) != steps
            or not np.isfinite(run.step_losses).all()
            or not 0 <= run.batches <= steps_per_epoch(recipe, size)
            or (run.batches and (run.order.shape != (size,) or not _are_indices(run.order, size)))
            or _kinds(saved.optimizer) != _kinds(run.optimizer.state)
            or not all(np.isfinite(array).all() for array in saved.optimizer.values())
            or saved.optimizer.get("t", steps) != steps
        ):
            raise WeightsError("its record of the run does not fit together")
        for name, array in run.optimizer.state.items():
            array[...] = saved.optimizer[name]
        return run

    def steps(self, digits: Digits) -> "Iterator[Snapshot | None]":
        """Learn, step by step, to the last epoch; yield after each step, and after each epoch.

        Yields
        ------
        Snapshot or None
            The run at the end of an epoch, or None after a step. A new run's first snapshot is of
            the untrained net.

        Raises
        ------
        DivergedError
            The loss is not a finite number any more.
        """
        recipe = self.recipe
        steps = recipe.epochs * steps_per_epoch(recipe, len(digits))
        rate = recipe.lr, recipe.schedule, recipe.warmup
        if not self.history:
            yield Snapshot(self.weights(digits))
        while self.epochs < recipe.epochs:
            started = perf_counter()
            if self.batches == 0:
                self.order = epoch_order(recipe, self.epochs + 1, len(digits))
            for x, t in batches(recipe, digits, self.epochs + 1, self.order, self.batches):
                self.step(x, t, scheduled(*rate, len(self.step_losses), steps))
                yield None
            loss = float(np.mean(self.step_losses[-self.batches :]))
            self.epochs, self.batches = self.epochs + 1, 0
            seconds = perf_counter() - started
            yield Snapshot(self.weights(digits), loss, seconds, self.last_sign_of_life)

    def step(self, x: NDArray[np.float32], t: NDArray[Any], lr: float) -> float:
        """Learn from one batch: forward, backward, update. Return its loss.

        Raises
        ------
        DivergedError
            The loss is not a finite number.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            loss, gradients = self.net.loss_and_gradient(x, t)
            self.optimizer.update(self.net.params, gradients, lr)
        self.step_losses.append(float(loss))
        self.batches += 1
        if not math.isfinite(loss):
            raise DivergedError(self._trouble(f"the loss is {loss}", len(self.step_losses)))
        if gradients["W2"].any():
            self.last_sign_of_life = len(self.step_losses)
        return float(loss)

    def measure(
        self, snapshot: "Snapshot", train: Digits, test: Digits, threads: int = 1
    ) -> EpochResult:
        """Return the row that tells of an epoch. Looks at the snapshot alone, from any thread.

        Parameters
        ----------
        snapshot : Snapshot
        train, test : Digits
        threads : int
            How many share the work.

        Raises
        ------
        DivergedError
            The net's answers are no finite numbers, or it has died: whatever the image, no hidden
            unit fires any more.
        """
        started = perf_counter()
        weights = snapshot.weights
        net = weights.net()
        try:
            on_train, on_test = (evaluate(net, digits, threads) for digits in (train, test))
        except DivergedError as error:
            what = "the net's answers are not finite numbers"
            raise DivergedError(self._trouble(what, len(weights.step_losses))) from error
        lifeless = 0 < snapshot.last_sign_of_life < len(weights.step_losses)
        if lifeless and np.ptp(on_train.logits, axis=0).max() == 0:
            what = "no hidden unit fires any more"
            raise DivergedError(self._trouble(what, snapshot.last_sign_of_life + 1))
        accuracies = on_train.accuracy, on_test.accuracy
        if snapshot.loss is None:
            return EpochResult(0, on_train.loss, *accuracies, perf_counter() - started)
        return EpochResult(weights.epochs, snapshot.loss, *accuracies, snapshot.seconds)

    def _trouble(self, what: str, step: int) -> str:
        return (
            f"the run went wrong at step {step:,}: {what}. The learning rate was {self.recipe.lr}; "
            f"try a smaller one, such as --lr {min(0.1, self.recipe.lr / 10):g}"
        )

    @property
    def doubt(self) -> str | None:
        """What is likely to be wrong with a run that has learnt nothing in its first epoch."""
        if self.history[-1].epoch != 1 or self.history[-1].train_accuracy > CHANCE:
            return None
        if self.recipe.init == "normal" and self.recipe.weight_init_std == 0:
            reason = "all weights started at zero, so all hidden units are alike: --weight-init-std"
        elif self.history[-1].loss > self.history[0].loss * (1 + ROUNDING):
            reason = f"a learning rate of {self.recipe.lr} may be far too large: try --lr 0.1"
        else:
            reason = f"a learning rate of {self.recipe.lr} may be far too small: try --lr 0.1"
        return f"the net has learnt nothing yet, it guesses: {reason}"

    def weights(self, digits: Digits) -> Weights:
        """Return what a weights file is to hold of the run, trained on these digits, as of now.

        What is returned stays as it is while the run goes on.
        """
        return Weights(
            {name: array.copy() for name, array in self.net.params.items()},
            self.recipe,
            dataset=digits.dataset,
            digests=digits.digests,
            epochs=self.epochs,
            batches=self.batches,
            order=self.order if self.batches else self.order[:0],
            history=list(self.history),
            step_losses=np.array(self.step_losses, np.float32),
            optimizer={name: array.copy() for name, array in self.optimizer.state.items()},
        )


@dataclass(frozen=True)
class Snapshot:
    """A run at the end of an epoch, before anyone has looked how good it is.

    Attributes
    ----------
    weights : Weights
    loss : float or None
        Mean of the losses of the epoch's batches; None for the untrained net.
    seconds : float
        From the beginning of its first step to the end of its last.
    last_sign_of_life : int
        The last step in which some hidden unit fired.
    """

    weights: Weights
    loss: float | None = None
    seconds: float = 0.0
    last_sign_of_life: int = 0


def train(
    run: Run, train: Digits, test: Digits, after_step: Callable[[], object] = lambda: None
) -> Iterator[tuple[EpochResult, Weights]]:
    """Train, and yield a row for the untrained net and then one for each epoch.

    An epoch is measured on a copy of the weights, in another thread, while the next one learns:
    when its row comes, the run may already be further.

    Parameters
    ----------
    run : Run
    train, test : Digits
        To learn from, and to measure by as well.
    after_step : function
        Called after every step. Where it returns something true, training stops; the run then is
        as that step left it.

    Yields
    ------
    row : EpochResult
    weights : Weights
        What a weights file is to hold of the run at the end of that epoch.

    Raises
    ------
    DivergedError
        The loss is not a finite number any more, or the net has died.
    """
    with (
        threadpool_limits(run.recipe.threads, user_api="blas"),
        ThreadPoolExecutor(1) as other_thread,
    ):
        waiting: deque[tuple[Weights, Future[EpochResult]]] = deque()

        def next_row() -> tuple[EpochResult, Weights]:
            weights, row = waiting.popleft()
            run.history.append(row.result())
            return run.history[-1], replace(weights, history=list(run.history))

        trouble: DivergedError | None = None

        def steps() -> Iterator[Snapshot | None]:
            nonlocal trouble
            try:
                yield from run.steps(train)
            except DivergedError as error:
                # The epochs before it are still to be told of.
                trouble = error

        for snapshot in steps():
            if snapshot:
                # After the last epoch, the cores that trained have nothing else to do.
                threads = _cores() if run.epochs == run.recipe.epochs else 1
                measured = other_thread.submit(run.measure, snapshot, train, test, threads)
                waiting.append((snapshot.weights, measured))
            elif after_step():
                break
            while waiting and (len(waiting) > 1 or waiting[0][1].done()):
                yield next_row()
        while waiting:
            yield next_row()
        if trouble:
            raise trouble


def bytes_needed(recipe: Recipe) -> int:
    """Return how much memory a run takes at least, beside its digits."""
    parameters = (PIXELS + 1) * recipe.hidden + (recipe.hidden + 1) * CLASSES
    example = PIXELS + 3 * recipe.hidden + 3 * CLASSES
    # The parameters, their gradients and the step, and a copy to measure; what the optimizer
    # remembers, and its copy; an image as it is in the file and as numbers.
    state = _optimizer(recipe, {"": np.empty(1)}).state
    remembered = sum(array.size for array in state.values() if array.ndim)
    return 4 * (4 + 2 * remembered) * parameters + recipe.batch_size * (4 * example + PIXELS)


def _optimizer(recipe: Recipe, params: Arrays) -> Optimizer:
    if recipe.optimizer == "adam":
        return Adam(params, weight_decay=recipe.weight_decay)
    nesterov = recipe.optimizer == "nesterov"
    return SGD(params, recipe.momentum, nesterov=nesterov, weight_decay=recipe.weight_decay)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _kinds(arrays: Arrays) -> dict[str, Any]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


def _are_indices(order: NDArray[np.int64], size: int) -> bool:
    return bool(order.dtype.kind == "i" and order.min() >= 0 and order.max() < size)
