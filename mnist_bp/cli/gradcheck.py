"""Check every gradient: this package's own, or those of files and notebooks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_bp.cli import messages
from mnist_bp.cli.options import DigitsOptions, Json, with_digits, with_settings
from mnist_bp.errors import CheckError, ParameterError, UsageError
from mnist_bp.runs.recipe import SETTINGS
from mnist_bp.runs.settings import Setting

FILES = (
    "Python files (.py) or notebooks (.ipynb) with your own layers, or folders of them. Their code "
    "is run: imports, functions, classes and constants, but no other statement at the top level."
)
CHECK_SETTINGS = {
    "samples": Setting(default=3, help="Digits in the batch.", minimum=1),
    **{key: SETTINGS[key] for key in ("hidden", "activation", "seed")},
    "step": Setting(
        default=3e-5, help="Half the width of a difference quotient.", minimum=1e-10, maximum=1
    ),
    "tolerance": Setting(
        default=1e-7, help="Largest relative error of a parameter that passes.", minimum=0
    ),
}


@with_settings(CHECK_SETTINGS)
@with_digits
def gradcheck(
    source: DigitsOptions,
    flags: dict[str, Any],
    files: Annotated[list[Path] | None, typer.Argument(help=FILES, metavar="FILE...")] = None,
    as_json: Json = False,
) -> None:
    """Check every gradient against difference quotients: this package's, or those of your code.

    Without a file: first each layer of this package by itself, then every parameter of an untrained
    net, on the first training digits. With files: the layers and networks that they define, on
    small random batches; of the options, only --json applies.

    The exit status is 1 when a gradient does not hold, and 2 when a file cannot be read.
    """
    if files:
        _check_files(files, vars(source) | flags, as_json)
        return
    chosen = {key: setting.default for key, setting in CHECK_SETTINGS.items()} | flags
    _check_package(source, chosen, as_json)


def _check_package(source: DigitsOptions, chosen: dict[str, Any], as_json: bool) -> None:
    """Check this package's own layers and net."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from mnist_bp.cli import console, tables
    from mnist_bp.functions import scale_pixels
    from mnist_bp.gradcheck import check_all_layers, check_gradients
    from mnist_bp.network import TwoLayerNet
    from mnist_bp.randomness import Purpose, stream

    samples, step, tolerance = chosen["samples"], chosen["step"], chosen["tolerance"]
    hidden, activation, seed = chosen["hidden"], chosen["activation"], chosen["seed"]
    (digits,) = source.read_or_draw("train")
    if samples > (count := len(digits)):
        raise ParameterError("samples", f"must be at most {count:,}, the number of training digits")
    x, t = scale_pixels(digits.images[:samples], np.float64), digits.labels[:samples]
    rng = stream(seed, Purpose.WEIGHTS)
    net = TwoLayerNet(x[0].size, hidden, 10, activation=activation, rng=rng)

    with threadpool_limits(1, user_api="blas"):
        layers = list(check_all_layers(stream(seed, Purpose.LAYER_CHECKS), step))
        network = check_gradients(net, x, t, step)
    failures = [line for check in (*layers, network) for line in check.failures(tolerance)]

    if as_json:
        messages.print_json(
            passed=not failures,
            **{key: chosen[key] for key in ("step", "tolerance", "samples")},
            parameters=[parameter.figures() for parameter in network.parameters],
            layers={check.name: [p.figures() for p in check.parameters] for check in layers},
            failures=failures,
            dataset=digits.dataset,
        )
    else:
        title = f"gradients of a 784-{hidden}-10 net on {samples} digits of {digits.dataset}"
        tables.gradient_checks(console.results(), title, layers, network, tolerance)
    if failures:
        raise CheckError("the gradient check does not hold", *failures)


def _check_files(paths: Sequence[Path], options: dict[str, Any], as_json: bool) -> None:
    """Check files, and those directly in folders, and print what is found in each."""
    for name, value in options.items():
        if value is not None:
            raise ParameterError(name, "is for the check without a file")

    from mnist_bp.audit import check_files
    from mnist_bp.cli import console, tables

    files = [file for path in paths for file in _files(path)]
    found = []
    with messages.steps_bar(len(files), show=len(files) > 1, unit="file") as advance:
        for result in check_files(files):
            found.append(result)
            if result.error:
                messages.complain(f"{result.file}: {result.error}")
            elif not as_json:
                tables.file_check(console.results(), result)
            advance()
    if as_json:
        results = [each.figures() for each in found]
        messages.print_json(passed=all(each.passed for each in found), files=results)
    elif len(found) > 1:
        tables.file_checks(console.results(), found)
    if failed := [str(each.file) for each in found if not (each.passed or each.error)]:
        raise CheckError(f"something fails in {', '.join(failed)}")
    if any(each.error for each in found):
        raise typer.Exit(UsageError.exit_status)


def _files(path: Path) -> list[Path]:
    """Return the Python files and notebooks in a folder, or the path itself of a file."""
    files = sorted(each for each in path.glob("[!.]*") if each.suffix in (".py", ".ipynb"))
    if path.is_dir() and not files:
        raise UsageError(f"{path}: there is no Python file or notebook in this folder")
    return files or [path]
