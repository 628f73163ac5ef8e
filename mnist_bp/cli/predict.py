"""Tell which digit a picture shows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_bp.cli import messages
from mnist_bp.cli.options import Json
from mnist_bp.errors import NoFileError, PictureError


def predict(
    weights: Annotated[Path, typer.Argument(help="The weights file.", metavar="WEIGHTS")],
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Pictures of one digit each, of any size: dark on light or light on dark, "
            "scanned, drawn or photographed.",
            metavar="IMAGE...",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Tell which digit a picture shows, and show the digit as the net sees it.

    A picture that cannot be used is reported, and the others are still done; the exit status is 1
    then, or 2 if nothing else was wrong than paths where there is no file.
    """
    from threadpoolctl import threadpool_limits

    from mnist_bp.cli import console, tables
    from mnist_bp.evaluation import logits_of
    from mnist_bp.functions import softmax
    from mnist_bp.pictures import picture
    from mnist_bp.runs.checkpoint import load_checkpoint

    net = load_checkpoint(weights).net
    results: list[dict[str, Any]] = []
    digits, statuses = [], set()
    with (
        # The matrices are small: more threads would only wait for each other.
        threadpool_limits(1, user_api="blas"),
        messages.steps_bar(len(images), show=len(images) > 1, unit="picture") as advance,
    ):
        for file in images:
            try:
                digit = picture.prepared(picture.ink_of(picture.read(file)))
                probabilities = softmax(logits_of(net, digit[None]).astype(float))[0].tolist()
            except (PictureError, NoFileError) as error:
                statuses.add(error.exit_status)
                message = str(error)
                results.append({"file": str(file), "error": message})
                messages.complain(f"{file}: {message}")
            else:
                best = max(probabilities)
                results.append(
                    {
                        "file": str(file),
                        "digit": probabilities.index(best),
                        "probability": best,
                        "probabilities": probabilities,
                    }
                )
                digits.append(digit)
            advance()
    done = [(each["file"], each["probabilities"]) for each in results if "digit" in each]
    if as_json:
        messages.print_json(weights=str(weights), pictures=results)
    elif len(images) > 1 and done:
        tables.predictions(console.results(), f"{weights} on pictures", done)
    elif done:
        tables.prediction(console.results(), done[0][0], digits[0], done[0][1])
    if statuses:
        raise typer.Exit(min(statuses))
