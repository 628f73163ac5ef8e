"""Draw a sheet of distorted digits, to judge by eye whether they still are digits.

    python scripts/distorted_digits.py record          # makes record-digits.png
    python scripts/distorted_digits.py my-recipe.toml --output sheet.png

Each line is a training digit, as it is and then as a net sees it in some epochs of its training.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_bp import Recipe, load_digits
from mnist_bp.errors import MnistBpError
from mnist_bp.randomness import Purpose, stream
from mnist_bp.runs import recipe as recipes

LINES, EPOCHS = 20, 19
MARGIN, ENLARGED = 2, 2


def sheet(recipe, digits):
    """Return an image (height, width) of uint8, dark ink on white paper."""
    images = digits.images[:LINES]
    columns = [images / 255]
    for epoch in range(1, EPOCHS + 1):
        columns.append(recipe.distortion(images, stream(recipe.seed, Purpose.DISTORTION, epoch)))
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
    output = options.output or Path(f"{Path(options.recipe).stem}-digits.png")
    Image.fromarray(sheet(recipe, load_digits("train"))).save(output)
    print(output)


if __name__ == "__main__":
    try:
        main()
    except (MnistBpError, OSError) as error:
        sys.exit(f"Error: {error}")
