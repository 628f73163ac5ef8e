"""A run: the training loop with all that makes it repeatable, measured, resumable."""

import itertools
import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from mnist_bp.data.digits import CLASSES, PIXELS, SomeDigits, as_digits
from mnist_bp.errors import DivergedError, ParameterError, WeightsError
from mnist_bp.evaluation import evaluate
from mnist_bp.network import TwoLayerNet
from mnist_bp.optimizers import SGD, Adam, Arrays, Optimizer, learning_rate
from mnist_bp.randomness import Purpose, stream
from mnist_bp.runs.background import measure_in_background
from mnist_bp.runs.batches import batches
from mnist_bp.runs.checkpoint import Checkpoint, EpochResult
from mnist_bp.runs.curve import curve_svg
from mnist_bp.runs.diagnosis import diagnose, smaller_rate, starts_at_zero
from mnist_bp.runs.recipe import Recipe
from mnist_bp.training import train_batches

Snapshot: TypeAlias = tuple[Checkpoint, float | None, float]
"""A run at the end of an epoch: with the mean loss of the epoch's batches, and its seconds."""


class Run:
    """A net in training, with everything that changes while it trains.

    Iterating over a run trains it to its last epoch, and gives an `EpochResult` for the untrained
    net and for each epoch. An epoch is measured on a copy of the weights, in another thread, while
    the next one trains: when its row comes, the net may already be further.

    Parameters
    ----------
    recipe : Recipe
        Where the net, the optimizer and all randomness come from.
    train, test : Digits, or pairs of images and labels
        The digits to train on, and others to measure by as well. With a `validation` in the recipe,
        the last so many training digits are held out and take the place of the test digits, which
        may then be None.

    Attributes
    ----------
    net : TwoLayerNet
        With float32 parameters.
    optimizer : Optimizer
    history : list of EpochResult
    step_losses : array of float
        In single precision, as they are computed: a long run has millions.

    Raises
    ------
    ParameterError
        More digits are to be held out than there are.
    """

    def __init__(self, recipe: Recipe, train: SomeDigits, test: SomeDigits | None = None) -> None:
        self.recipe = recipe
        self.train = as_digits(train)
        if recipe.validation:
            self.train, self.test = self.train.held_out(recipe.validation)
        elif test is None:
            raise ParameterError("test", "must be given where no training digits are held out")
        else:
            self.test = as_digits(test)
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
        self.history: list[EpochResult] = []
        self.step_losses = array("f")
        self._failure: DivergedError | None = None

    @classmethod
    def resume(
        cls,
        saved: Checkpoint,
        train: SomeDigits,
        test: SomeDigits | None = None,
        *,
        epochs: int | None = None,
    ) -> "Run":
        """Return a run that goes on exactly where a saved one stopped.

        Parameters
        ----------
        saved : Checkpoint
        train, test : as for `Run`
        epochs : int, optional
            Another number of epochs than that of the recipe.

        Raises
        ------
        WeightsError
            There is no record of the run, it does not fit together, or it was trained on other
            digits.
        """
        recipe = saved.recipe_of_run()
        run = cls(replace(recipe, epochs=epochs or recipe.epochs), train, test)
        if run.train.digests != saved.digests:
            raise WeightsError(f"it was trained on other digits of {saved.dataset} than these")
        steps, per_epoch = len(saved.step_losses), run.steps_per_epoch
        run.net.params.update(saved.params)
        run.optimizer = _optimizer(run.recipe, run.net.params, steps)
        if (
            not saved.history
            or not 0 <= steps - saved.epochs * per_epoch <= per_epoch
            or _kinds(saved.optimizer) != _kinds(run.optimizer.state)
        ):
            raise WeightsError("its record of the run does not fit together")
        for name, state in run.optimizer.state.items():
            state[...] = saved.optimizer[name]
        run.history = list(saved.history)
        run.step_losses = array("f", saved.step_losses.tobytes())
        return run

    def __repr__(self) -> str:
        epochs = f"{len(self.history)} of {self.recipe.epochs + 1} rows"
        return f"<Run of {self.net!r} on {self.train.dataset}: {epochs}>"

    def _repr_svg_(self) -> str | None:
        """Return the learning curve, which a notebook shows."""
        return curve_svg(self.history, self.recipe.measured_on) if self.history else None

    def __iter__(self) -> Iterator[EpochResult]:
        return (row for row, _ in self.results())

    @property
    def steps_per_epoch(self) -> int:
        """How many batches an epoch has, the last, short one included."""
        return math.ceil(len(self.train) / self.recipe.batch_size)

    @property
    def finished(self) -> bool:
        """Whether all epochs are trained and measured."""
        return len(self.history) > self.recipe.epochs

    @property
    def steps_left(self) -> int:
        """How many steps are left to the end of the last epoch."""
        return self.recipe.epochs * self.steps_per_epoch - len(self.step_losses)

    def results(
        self, after_step: Callable[[], object] = lambda: None
    ) -> Iterator[tuple[EpochResult, Checkpoint]]:
        """Train to the last epoch; yield a row for each epoch, and the run as it was at its end.

        Parameters
        ----------
        after_step : function
            Called after every step. Where it returns something true, training stops; the run is
            then as that step left it.

        Raises
        ------
        DivergedError
            The loss is not a finite number any more, or the net has died.
        """
        with threadpool_limits(self.recipe.threads, user_api="blas"):
            measured = measure_in_background(self.measure, self._snapshots(after_step))
            for (checkpoint, *_), row in measured:
                self.history.append(row)
                yield row, replace(checkpoint, history=list(self.history))
        if self._failure:
            raise self._failure

    def _snapshots(self, after_step: Callable[[], object]) -> Iterator[Snapshot | None]:
        """Train; yield None after each step, and a snapshot after each epoch."""
        recipe, per_epoch = self.recipe, self.steps_per_epoch
        rule, last = (recipe.lr, recipe.schedule, recipe.warmup), recipe.epochs * per_epoch
        rates = (
            learning_rate(*rule, step, last) for step in itertools.count(len(self.step_losses))
        )
        if not self.history:
            yield self.checkpoint(), None, 0.0
        for epoch in range(max(1, len(self.history)), recipe.epochs + 1):
            started = perf_counter()
            done = len(self.step_losses) - (epoch - 1) * per_epoch
            steps = batches(recipe, self.train, epoch, done)
            try:
                for loss in train_batches(self.net, self.optimizer, steps, rates):
                    self.step_losses.append(loss)
                    if after_step():
                        return
                    yield None
            except DivergedError as error:
                # Not raised yet: the epochs before it are still being measured.
                self._failure = self._went_wrong(str(error), len(self.step_losses) + 1)
                return
            loss = float(np.mean(np.array(self.step_losses[-per_epoch:], np.float64)))
            yield self.checkpoint(), loss, perf_counter() - started

    def measure(self, snapshot: Snapshot) -> EpochResult:
        """Return the row of an epoch. Reads the snapshot alone, so any thread may call it.

        Raises
        ------
        DivergedError
            The logits are not finite, or the net has died: no image excites a hidden unit any more.
        """
        started = perf_counter()
        checkpoint, loss, seconds = snapshot
        step = len(checkpoint.step_losses)
        try:
            on_train, on_test = (
                evaluate(checkpoint.net, each.images, each.labels)
                for each in (self.train, self.test)
            )
        except DivergedError as error:
            raise self._went_wrong(str(error), step) from error
        # Units of ReLU that are zero for every image leave nothing but the biases.
        same_for_all = (on_train.logits == checkpoint.params["b2"]).all()
        can_die = self.recipe.activation == "relu" and not starts_at_zero(self.recipe)
        if step and same_for_all and can_die:
            raise self._went_wrong("no image excites a hidden unit any more", step)
        accuracies = on_train.accuracy, on_test.accuracy
        if loss is None:
            return EpochResult(0, on_train.loss, *accuracies, perf_counter() - started)
        return EpochResult(step // self.steps_per_epoch, loss, *accuracies, seconds)

    def _went_wrong(self, problem: str, step: int) -> DivergedError:
        lr, smaller = self.recipe.lr, smaller_rate(self.recipe)
        return DivergedError(
            f"the run went wrong at step {step:,}: {problem}. The learning rate was {lr:g}; try a "
            f"smaller one, such as lr={smaller:g}"
        )

    @property
    def diagnosis(self) -> str | None:
        """The likely reason why the run has learned nothing in its first epoch; None if it has."""
        return diagnose(self.recipe, self.history, self.steps_per_epoch)

    def checkpoint(self) -> Checkpoint:
        """Return the run as it is now; what is returned stays as it is while the run goes on."""
        return Checkpoint(
            {name: each.copy() for name, each in self.net.params.items()},
            self.recipe,
            dataset=self.train.dataset,
            digests=self.train.digests,
            history=list(self.history),
            step_losses=np.array(self.step_losses, np.float32),
            optimizer={name: each.copy() for name, each in self.optimizer.state.items()},
        )


def train(recipe: Recipe, train: SomeDigits, test: SomeDigits | None = None) -> Run:
    """Train a net to the last epoch of a recipe, and return the finished run.

    Parameters and errors are those of `Run`. To see each epoch as it comes, iterate over a `Run`.
    """
    run = Run(recipe, train, test)
    for _ in run:
        pass
    return run


def _optimizer(recipe: Recipe, params: Arrays, steps: int = 0) -> Optimizer:
    """Return the optimizer of a recipe, for parameters that `steps` steps have led to."""
    if recipe.optimizer == "adam":
        return Adam(params, steps=steps, weight_decay=recipe.weight_decay)
    nesterov = recipe.optimizer == "nesterov"
    return SGD(params, recipe.momentum, nesterov=nesterov, weight_decay=recipe.weight_decay)


def _kinds(arrays: Arrays) -> dict[str, Any]:
    return {name: (each.shape, each.dtype) for name, each in arrays.items()}
