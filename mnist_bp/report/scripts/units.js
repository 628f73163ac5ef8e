// The weights of a hidden unit: its column of W1 as a picture of 28 x 28 pixels.
"use strict";

const POSITIVE = [45, 112, 224]; // Colours of positive ...
const NEGATIVE = [222, 112, 20]; // ... and of negative numbers.
const INK = [0, 0, 0];

// Fill a canvas, a pixel for each number: the larger, the more opaque, up to `strongest`. Where a
// number is 0, the page shows through.
function drawNumbers(canvas, values, strongest = largest(values), positive = POSITIVE) {
  const image = new ImageData(canvas.width, canvas.height);
  values.forEach((value, i) => {
    const colour = value > 0 ? positive : NEGATIVE;
    image.data.set([...colour, (255 * Math.abs(value)) / (strongest || 1)], 4 * i);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Half of the largest weight is fully opaque already: most weights are much smaller.
function drawUnit(canvas, unit) {
  const { W1, b1 } = net.params;
  const column = Array.from({ length: 784 }, (_, pixel) => W1[pixel * b1.length + unit]);
  drawNumbers(canvas, column, largest(column) / 2);
}

for (const canvas of document.querySelectorAll("canvas[data-unit]")) {
  drawUnit(canvas, Number(canvas.dataset.unit));
}
