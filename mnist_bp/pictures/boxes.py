"""Draws boxes around the digits that were found in a picture."""

from collections.abc import Sequence
from pathlib import Path

from mnist_bp.pictures.opening import open_picture
from mnist_bp.pictures.picture import PictureDigits

COLOUR = (220, 30, 60)


def save_boxes(path: Path, digits: PictureDigits, captions: Sequence[str], target: Path) -> None:
    """Save a picture as PNG, with a box and a caption for each digit.

    Raises
    ------
    OSError
        The target cannot be written.
    """
    from PIL import ImageDraw

    picture, size = open_picture(path)
    picture = picture.convert("RGB")
    scale = picture.width / size[0]
    thick = max(1, max(picture.size) // 300)
    pen = ImageDraw.Draw(picture)
    for box, caption in zip(digits.boxes.tolist(), captions, strict=True):
        left, top, right, bottom = (edge * scale for edge in box)
        pen.rectangle((left, top, right, bottom), outline=COLOUR, width=thick)
        pen.text((left, bottom + thick), caption, COLOUR, font_size=max(10, 8 * thick))
    picture.save(target, "PNG")
