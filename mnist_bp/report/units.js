// What a hidden unit looks for: its column of W1 as a picture of 28 x 28 pixels.
"use strict";

const EXCITES = [45, 112, 224]; // Ink here makes the unit put out more ...
const SILENCES = [222, 112, 20]; // ... and ink here makes it put out less.

// The stronger a weight, the fuller its colour, up to half of the strongest; at 0 the page shows
// through.
function drawUnit(canvas, unit) {
  const column = Array.from({ length: 784 }, (_, pixel) => W1[pixel * b1.length + unit]);
  const strongest = Math.max(...column.map(Math.abs)) || 1;
  const image = new ImageData(28, 28);
  column.forEach((weight, pixel) => {
    const colour = weight > 0 ? EXCITES : SILENCES;
    image.data.set([...colour, (2 * 255 * Math.abs(weight)) / strongest], 4 * pixel);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

for (const canvas of document.querySelectorAll("canvas[data-unit]")) {
  drawUnit(canvas, Number(canvas.dataset.unit));
}
