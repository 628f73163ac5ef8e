"""Recognize the digits in pictures."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bp.cli import messages
from mnist_bp.cli.options import Json, option
from mnist_bp.errors import NoFileError, OutputError, PictureError
from mnist_bp.files import make_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnist_bp.network import TwoLayerNet
    from mnist_bp.pictures.picture import PictureDigits

IMAGES = (
    "Pictures of one digit, or of rows of digits, of any size: dark on light or light on dark, "
    "scanned, drawn or photographed."
)
COUNT = "How many digits each picture shows; digits that touch are cut then."
BOXES = "Folder for a copy of each picture with a box around each digit."


def predict(
    weights: Annotated[Path, typer.Argument(help="The weights file.", metavar="WEIGHTS")],
    images: Annotated[list[Path], typer.Argument(help=IMAGES, metavar="IMAGE...")],
    count: Annotated[int | None, option(COUNT, metavar="N", min=1, max=1000)] = None,
    boxes: Annotated[Path | None, option(BOXES, metavar="FOLDER")] = None,
    as_json: Json = False,
) -> None:
    """Recognize the digits in pictures, and show them as the net sees them.

    A digit that the net is unsure of is marked with a question mark, and the reason is given. A
    picture that cannot be used is reported, and the others are still done; the exit status is 1
    then, or 2 if the only errors are paths without a file.
    """
    from threadpoolctl import threadpool_limits

    from mnist_bp.cli import console, tables
    from mnist_bp.runs.checkpoint import load_checkpoint

    net = load_checkpoint(weights).net
    results: list[dict[str, Any]] = []
    done, statuses = [], set()
    if boxes:
        make_folder(boxes)
    with (
        # The matrices are small: more threads would only wait for each other.
        threadpool_limits(1, user_api="blas"),
        messages.steps_bar(len(images), show=len(images) > 1, unit="picture") as advance,
    ):
        for file in images:
            try:
                done.append(_read(net, file, count, boxes))
                results.append(done[-1][0])
            except (PictureError, NoFileError) as error:
                statuses.add(error.exit_status)
                results.append({"file": str(file), "error": str(error)})
                messages.complain(f"{file}: {error}")
            advance()
    if as_json:
        messages.print_json(weights=str(weights), pictures=results)
    elif len(images) == 1 and done:
        tables.prediction(console.results(), *done[0])
    elif done:
        rows = [result for result, _ in done]
        tables.predictions(console.results(), f"{weights} on pictures", rows)
    if statuses:
        raise typer.Exit(min(statuses))


def _read(
    net: "TwoLayerNet", file: Path, count: int | None, boxes: Path | None
) -> tuple[dict[str, Any], Any]:
    """Return what `--json` says of a picture, and its digits as images; save its boxes."""
    from mnist_bp.pictures.picture import read_picture

    digits = read_picture(file, count, lambda images: _probabilities(net, images))
    result = {"file": str(file)} | _answer(net, digits)
    if boxes:
        _save_boxes(file, digits, result, boxes)
    return result, digits.images


def _probabilities(net: "TwoLayerNet", images: "NDArray[np.uint8]") -> "NDArray[np.float64]":
    from mnist_bp.evaluation import logits_of
    from mnist_bp.functions import softmax

    return softmax(logits_of(net, images).astype(float))


def _answer(net: "TwoLayerNet", digits: "PictureDigits") -> dict[str, Any]:
    """Return what `--json` says of a picture, beside its file."""
    from mnist_bp.pictures import unsure

    probabilities = _probabilities(net, digits.images)
    reasons = unsure.reasons(probabilities, digits.images)
    found = [
        {
            "digit": int(each.argmax()),
            "probability": float(each.max()),
            "probabilities": each.tolist(),
            "box": box,
            "unsure": "perhaps several that touch: use --count" if wide else reason,
        }
        for each, box, wide, reason in zip(
            probabilities, digits.boxes.tolist(), digits.touching, reasons, strict=True
        )
    ]
    keys = ("digit", "probability", "probabilities") if len(found) == 1 else ()
    single = {key: found[0][key] for key in keys}
    lines = [""] * (int(digits.rows.max()) + 1)
    for row, each in zip(digits.rows, found, strict=True):
        lines[row] += str(each["digit"])
    return {**single, "number": "\n".join(lines), "digits": found}


def _save_boxes(file: Path, digits: "PictureDigits", result: dict[str, Any], folder: Path) -> None:
    """Save a copy of a picture with a box around each digit, under a name that is not used yet."""
    from mnist_bp.pictures.boxes import save_boxes

    numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (f"{file.stem[:100]}-boxes{number}.png" for number in numbers)
    target = next(path for name in names if not (path := folder / name).exists())
    captions = [f"{each['digit']}{'?' if each['unsure'] else ''}" for each in result["digits"]]
    try:
        save_boxes(file, digits, captions, target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}") from error
