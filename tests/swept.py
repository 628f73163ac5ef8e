"""What the tests of sweeps share: recipes, checkpoints that can be compared, and patience."""

import time

import numpy as np

RECIPES = {
    "sgd": "lr = 0.2",
    "nesterov": 'optimizer = "nesterov"\nmomentum = 0.9',
    "adam": 'optimizer = "adam"\nschedule = "cosine"\nwarmup = 0.2',
    "distorted": "rotation = 8\nelastic = 1\nlabel_smoothing = 0.1",
    "replacement": 'sampling = "replacement"',
}


def write_recipes(folder):
    """Write the recipes, and return what names them all on a command line."""
    for name, text in RECIPES.items():
        (folder / f"{name}.toml").write_text(text)
    return ",".join(f"{name}.toml" for name in RECIPES)


def contents(path):
    """Return all that a checkpoint holds but for times and versions, as it can be compared."""
    with np.load(path) as archive:
        arrays = dict(archive)
    del arrays["versions"]
    history = arrays.pop("history")
    arrays |= {name: history[name] for name in history.dtype.names if name != "seconds"}
    return {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}


def said(errors):
    """Return what stderr has beside the warning that these few digits are not MNIST's."""
    return [line for line in errors.splitlines() if not line.endswith("are not MNIST's")]


def same(folder, other):
    """Check that two folders hold the same checkpoints."""
    names = sorted(path.name for path in folder.glob("*.npz"))
    assert names == sorted(path.name for path in other.glob("*.npz"))
    for name in names:
        assert contents(folder / name) == contents(other / name)
    return len(names)


def wait_until(happens, seconds=60):
    """Wait for something to happen: the limit is against hanging alone."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)
