// What is drawn, prepared as the makers of MNIST prepared their digits: the bounding box of the ink
// is fitted into 20 x 20, and placed in 28 x 28 by its centre of mass. This is to_mnist() of
// mnist_bp/pictures/form.py, step by step; both give the same pixels.
"use strict";

const SIDE = 28; // Pixels on each side of a digit of MNIST.
const BOX = 20; // Pixels of the longer side of its ink.
const CENTRE = 14.5; // Where its centre of mass lies.

// ink: a list of rows, of numbers from 0, paper, to 1. Returns 784 pixels from 0 to 255, or null
// where there is no ink.
function prepared(ink) {
  const rows = ink.map(sum);
  const columns = sumOfRows(ink);
  const [top, bottom] = [rows.findIndex(Boolean), rows.findLastIndex(Boolean)];
  const [left, right] = [columns.findIndex(Boolean), columns.findLastIndex(Boolean)];
  if (top < 0) return null;
  const box = ink.slice(top, bottom + 1).map((row) => row.slice(left, right + 1));
  const longer = Math.max(box.length, box[0].length);
  const down = placed(rows.slice(top, bottom + 1), longer);
  const across = placed(columns.slice(left, right + 1), longer);
  const digit = transposed(product(across, transposed(product(down, box)))).flat();
  const darkest = Math.max(...digit);
  return digit.map((pixel) => Math.round((255 * pixel) / darkest));
}

// How one side of a box is scaled and placed: in row i and column j, how much of pixel i the pixel
// j of the box covers. ink: how much of it is in each row, or each column, of the box.
function placed(ink, longer) {
  const edges = Array.from({ length: ink.length + 1 }, (_, j) => (BOX * j) / longer);
  const middles = ink.map((_, j) => (edges[j] + edges[j + 1]) / 2);
  const mass = sum(ink.map((amount, j) => amount * middles[j])) / sum(ink);
  // Ink of this size already is moved by whole pixels: digits of MNIST stay as they are.
  const shift = longer === BOX ? Math.floor(CENTRE - mass + 0.5) : CENTRE - mass;
  // All of the box stays in the picture, wherever its centre of mass is.
  const start = Math.min(Math.max(shift, 0), SIDE - edges[ink.length]);
  return Array.from({ length: SIDE }, (_, i) =>
    ink.map((_, j) => {
      const [from, to] = [edges[j] + start, edges[j + 1] + start];
      return Math.max(Math.min(i + 1, to) - Math.max(i, from), 0);
    }),
  );
}

function sum(values) {
  return values.reduce((a, b) => a + b, 0);
}

function sumOfRows(matrix) {
  const result = new Array(matrix[0].length).fill(0);
  for (const row of matrix) row.forEach((value, j) => (result[j] += value));
  return result;
}

function transposed(matrix) {
  return matrix[0].map((_, j) => matrix.map((row) => row[j]));
}

function product(A, B) {
  return A.map((row) => {
    const result = new Array(B[0].length).fill(0);
    row.forEach((weight, k) => {
      // Each pixel of the box covers one or two pixels of the digit: nearly all weights are 0.
      if (weight) B[k].forEach((value, j) => (result[j] += weight * value));
    });
    return result;
  });
}
