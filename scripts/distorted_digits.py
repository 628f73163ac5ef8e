"""Draw a sheet of distorted digits, to judge by eye whether they still are digits.

    python scripts/distorted_digits.py record          # makes record-digits.png
    python scripts/distorted_digits.py my-recipe.toml --output sheet.png

Each line is a training digit, as it is and then as a net would see it in its next epochs.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_bp.data.sources import read_digits
from mnist_bp.runs import recipe as recipes
from mnist_bp.runs.batches import batches
from mnist_bp.runs.recipe import Recipe

LINES, EPOCHS = 20, 19
MARGIN, ENLARGED = 2, 2


def sheet(recipe, digits):
    """Return an image (height, width) of uint8, dark ink on white paper."""
    order = np.arange(LINES)
    columns = [digits.images[order] / 255]
    for epoch in range(1, EPOCHS + 1):
        ((images, _),) = batches(replace(recipe, batch_size=LINES), digits, epoch, order)
        columns.append(images)
    padded = np.pad(np.stack(columns), ((0, 0), (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    epochs, lines, height, width = padded.shape
    ink = padded.transpose(1, 2, 0, 3).reshape(lines * height, epochs * width)
    return np.uint8(255 - 255 * ink.clip(0, 1)).repeat(ENLARGED, 0).repeat(ENLARGED, 1)


def main():
    """Draw the sheet that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", help="a recipe's name or file")
    parser.add_argument("--output", type=Path, help="a picture's name")
    options = parser.parse_args()
    recipe = Recipe(**recipes.read(options.recipe))
    (digits,) = read_digits(["train"])
    output = options.output or Path(f"{Path(options.recipe).stem}-digits.png")
    Image.fromarray(sheet(recipe, digits)).save(output)
    print(output)


if __name__ == "__main__":
    main()
