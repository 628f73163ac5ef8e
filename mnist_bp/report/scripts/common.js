// What the other scripts share: elements by id, numbers as text, and the pixels of a picture.
"use strict";

const element = (id) => document.getElementById(id);

// Rows and columns that an arrow key moves by.
const DIRECTIONS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const percent = (fraction) => (Number.isFinite(fraction) ? `${(100 * fraction).toFixed(1)}\u00a0%` : "–");

// Four significant digits.
function number(value) {
  if (!Number.isFinite(value)) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return minus(size < 1e-3 || size >= 1e5 ? value.toExponential(2) : value.toPrecision(4));
}

// A number of a column: as many decimals as all others, unless it is huge.
const fixed = (value, decimals) => (Math.abs(value) < 1e5 ? minus(value.toFixed(decimals)) : number(value));

const minus = (text) => text.replaceAll("-", "−"); // As wide as a digit.

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

// The 784 pixels, from 0, paper, to 255, ink, of a digit's picture, which is dark on white.
async function pixelsOf(picture) {
  const image = Object.assign(new Image(), { src: picture });
  await image.decode();
  const context = new OffscreenCanvas(28, 28).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, 28, 28);
  return Array.from({ length: 784 }, (_, i) => 255 - data[4 * i]);
}
