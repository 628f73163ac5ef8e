// Which ink on the pad makes one digit: pieces that are joined, and parts that are near each other.
// These are the rules of mnist_bp/pictures/shapes.py, for one row of digits.
"use strict";

const RULES = JSON.parse(element("rules").textContent); // The thresholds of mnist_bp/pictures.

// The ink of each digit, from left to right. ink: a list of rows, of numbers from 0, paper, to 1.
function digitsIn(ink) {
  const shapes = joined(piecesOf(ink));
  return shapes.sort((a, b) => a.start[0] - b.start[0]).map((shape) => inkOf(shape, ink));
}

// The ink in the box of a shape, without that of other shapes.
function inkOf({ pixels, start: [left, top], end: [right, bottom] }, ink) {
  const rows = Array.from({ length: bottom - top }, () => new Array(right - left).fill(0));
  for (const [x, y] of pixels) rows[y - top][x - left] = ink[y][x];
  return rows;
}

// A shape is a list of pixels [x, y], from the left upper corner of its box to the right lower one.
function shapeOf(pixels) {
  const start = [0, 1].map((axis) => pixels.reduce((edge, pixel) => Math.min(edge, pixel[axis]), Infinity));
  const end = [0, 1].map((axis) => pixels.reduce((edge, pixel) => Math.max(edge, pixel[axis] + 1), 0));
  return { pixels, start, end, size: end.map((edge, axis) => edge - start[axis]) };
}

// Pieces of ink, whose pixels touch, if only at their corners.
function piecesOf(ink) {
  const left = ink.map((row) => row.slice()); // Ink that is in no piece yet.
  const pieces = [];
  for (const [y, row] of left.entries()) {
    for (const x of row.keys()) if (row[x]) pieces.push(shapeOf(takeFrom(left, x, y)));
  }
  return pieces;
}

// Takes the piece at a pixel out of the ink; returns its pixels.
function takeFrom(ink, column, row) {
  const pixels = [];
  const take = (x, y) => {
    if (!ink[y]?.[x]) return;
    ink[y][x] = 0;
    pixels.push([x, y]);
  };
  take(column, row);
  // The list grows while it is read.
  for (const [x, y] of pixels) {
    for (const down of [-1, 0, 1]) for (const right of [-1, 0, 1]) take(x + right, y + down);
  }
  return pixels;
}

// Joins the pieces that are parts of the same digit, the highest first; specks are left out.
function joined(pieces) {
  pieces.sort((a, b) => b.size[1] - a.size[1]);
  const heights = pieces.map(({ size }) => size[1]).filter((height) => height >= RULES.PART * pieces[0].size[1]);
  const height = median(heights);
  const shapes = [];
  for (const piece of pieces) {
    const distances = shapes.map((shape) => distance(piece, shape, height));
    const least = Math.min(...distances);
    const place = least <= RULES.NEAR * height ? distances.indexOf(least) : shapes.length;
    shapes[place] = shapes[place] ? shapeOf([...shapes[place].pixels, ...piece.pixels]) : piece;
  }
  return shapes.filter(({ size }) => size[1] >= RULES.PART * height);
}

// How far a part is from a shape, if both may be one digit; infinity if they are two. They are one if
// the part is too low to be a digit, or if they lie over each other.
function distance(part, shape, height) {
  const [across, down] = [0, 1].map((axis) => gap(part, shape, axis));
  const overlaps = [across, down].map((gap, axis) => -gap / Math.min(part.size[axis], shape.size[axis]));
  const beside = overlaps[0] < Math.min(0.5, overlaps[1]);
  const low = part.size[1] < RULES.PART * height;
  const both = Math.max(part.end[1], shape.end[1]) - Math.min(part.start[1], shape.start[1]);
  const above = both > 1.4 * height && down > 0.15 * height;
  return above || (beside && !low) ? Infinity : Math.max(across, down, 0);
}

// Negative where they overlap.
function gap(one, other, axis) {
  return Math.max(one.start[axis], other.start[axis]) - Math.min(one.end[axis], other.end[axis]);
}

// Of numbers in descending order.
function median(numbers) {
  const middle = (numbers.length - 1) / 2;
  return (numbers[Math.floor(middle)] + numbers[Math.ceil(middle)]) / 2;
}

// Whether ink may be several digits that touch: it is wide, and both halves are about as high as it.
// Python cuts along the path of least ink; here the cut is straight, which is nearly as good.
function seemsToTouch(ink) {
  const [height, width] = [ink.length, ink[0].length];
  const isHigh = (half) => half.filter((row) => row.some(Boolean)).length > RULES.TALL * height;
  const halves = [[0, width / 2], [width / 2, width]].map((columns) => ink.map((row) => row.slice(...columns)));
  return width > RULES.WIDE * height && halves.every(isHigh);
}
