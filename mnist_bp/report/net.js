// The net, forward: the same four layers as mnist_bp/layers.py, on one digit.
"use strict";

// Weights come as base64 of float32 numbers, row by row.
function numbers(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

const net = JSON.parse(document.getElementById("net").textContent);
const [W1, b1, W2, b2] = [net.W1, net.b1, net.W2, net.b2].map(numbers);

// Affine: y = x W + b. Output j is the sum of all inputs, each times its weight W[i, j].
function affine(x, W, b) {
  const y = Float64Array.from(b);
  for (let i = 0; i < x.length; i++) {
    for (let j = 0; j < y.length; j++) y[j] += x[i] * W[i * y.length + j];
  }
  return y;
}

// What hidden units compute: a unit fires when what it looks for outweighs what it does not.
const activations = {
  relu: (x) => x.map((value) => Math.max(value, 0)),
  sigmoid: (x) => x.map((value) => 1 / (1 + Math.exp(-value))),
};

// Softmax: ten scores become ten probabilities. Without the largest, no exponential overflows.
function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// 784 pixels from 0, paper, to 255, ink -> what the hidden units put out, and the probabilities.
function predict(pixels) {
  const x = Float64Array.from(pixels, (pixel) => pixel / 255);
  const hidden = activations[net.activation](affine(x, W1, b1));
  return { hidden, probabilities: softmax(affine(hidden, W2, b2)) };
}
