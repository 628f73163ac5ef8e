"""A task: a run as it is handed to another process, which reads the digits and trains it there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mnist_bp.data.digits import Digits
from mnist_bp.data.mnist import read_digits
from mnist_bp.errors import DataError
from mnist_bp.runs.checkpoint import load_checkpoint, save_checkpoint
from mnist_bp.runs.recipe import Recipe
from mnist_bp.runs.run import Run


@dataclass(frozen=True)
class Task:
    """What a process needs to know to train a run.

    Attributes
    ----------
    recipe : Recipe
    dataset : str
        The name of the data set.
    data_dir : str or None
        The folder that the user named for it.
    digests : tuple
        Those of each split that the run reads.
    """

    recipe: Recipe
    dataset: str
    data_dir: str | None
    digests: tuple[tuple[str, str], ...]

    def digits(self) -> list[Digits]:
        """Return the digits that the run reads.

        Raises
        ------
        DataError
            They cannot be had here, or are others.
        """
        digits = _read(self.recipe.splits, self.dataset, self.data_dir)
        if tuple(each.digests for each in digits) != self.digests:
            raise DataError(f"the digits of {self.dataset} here are not those of the sweep")
        return digits

    def train(self, path: Path, stop: Callable[[], bool], epoch_done: Callable[[], object]) -> bool:
        """Train the run, or resume it if its checkpoint is there; return whether it is finished.

        The checkpoint is saved after every epoch, as `train` does it.

        Parameters
        ----------
        path : Path
        stop : function
            Called after every step; once it is true, the run is saved as that step left it.
        epoch_done : function
            Called after every epoch.

        Raises
        ------
        MnistBpError
            The run diverged, or the checkpoint cannot be resumed or written.
        """
        digits = self.digits()
        if stop():
            return False
        if path.exists():
            run = Run.resume(load_checkpoint(path), *digits)
        else:
            run = Run(self.recipe, *digits)
        for row, checkpoint in run.results(stop):
            if row.epoch > 0:
                save_checkpoint(path, checkpoint)
                epoch_done()
        if not run.finished:
            save_checkpoint(path, run.checkpoint())
        return run.finished


@lru_cache(maxsize=1)
def _read(splits: tuple[str, ...], dataset: str, data_dir: str | None) -> list[Digits]:
    return read_digits(splits, dataset, data_dir)
