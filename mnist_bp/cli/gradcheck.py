"""Check every gradient."""

from typing import Any

from mnist_bp.cli.common import check_memory, print_json, read_or_draw
from mnist_bp.cli.options import DigitsOptions, Json, with_digits, with_settings
from mnist_bp.errors import CheckError, UsageError
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.recipe import Recipe, Setting

CHECK_SETTINGS = {
    "samples": Setting(default=3, help="Digits in the batch.", minimum=1),
    **{key: recipes.settings()[key] for key in ("hidden", "activation", "seed")},
    "step": Setting(
        default=3e-5, help="Half the width of a difference quotient.", minimum=1e-10, maximum=1
    ),
    "tolerance": Setting(
        default=1e-7, help="Largest relative error of a parameter that passes.", minimum=0
    ),
}


@with_settings(CHECK_SETTINGS)
@with_digits
def gradcheck(wanted: DigitsOptions, flags: dict[str, Any], as_json: Json = False) -> None:
    """Check every gradient against difference quotients.

    First each layer by itself, then every parameter of an untrained net, on the first training
    digits. The exit status is 1 when one of them does not hold.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    from mnist_bp.cli import console, tables
    from mnist_bp.data.digits import CLASSES, PIXELS
    from mnist_bp.functions import scale_pixels
    from mnist_bp.gradcheck import check_all_layers, check_gradients
    from mnist_bp.network import TwoLayerNet
    from mnist_bp.randomness import Purpose, stream
    from mnist_bp.runs.run import bytes_needed

    chosen = {key: setting.default for key, setting in CHECK_SETTINGS.items()} | flags
    recipe = Recipe(hidden=chosen["hidden"], batch_size=chosen["samples"])
    samples, step, tolerance = chosen["samples"], chosen["step"], chosen["tolerance"]
    # In double precision, and with a copy of the hidden layer for each of its units.
    check_memory(2 * bytes_needed(recipe) + 4 * 8 * samples * chosen["hidden"] ** 2)
    (digits,) = read_or_draw(wanted, "train")
    if samples > len(digits):
        raise UsageError(f"--samples must be at most {len(digits):,}: there are no more digits")
    x, t = scale_pixels(digits.images[:samples], np.float64), digits.labels[:samples]
    rng = stream(chosen["seed"], Purpose.WEIGHTS)
    net = TwoLayerNet(PIXELS, chosen["hidden"], CLASSES, activation=chosen["activation"], rng=rng)

    with threadpool_limits(1, user_api="blas"):
        layers = list(check_all_layers(stream(chosen["seed"], Purpose.LAYER_CHECKS), step))
        network = check_gradients(net, x, t, step)
    failures = [line for check in (*layers, network) for line in check.failures(tolerance)]

    if as_json:
        print_json(
            passed=not failures,
            step=step,
            tolerance=tolerance,
            parameters=[parameter.figures() for parameter in network.parameters],
            layers={check.name: [p.figures() for p in check.parameters] for check in layers},
            dataset=digits.dataset,
            samples=samples,
        )
    else:
        title = (
            f"gradients of a 784-{chosen['hidden']}-10 net on {samples} digits of {digits.dataset}"
        )
        tables.gradient_checks(console.results(), title, layers, network, tolerance)
    if failures:
        raise CheckError("\n".join(["the gradient check does not hold", *failures]))
