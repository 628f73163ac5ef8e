// The net, forward and backward, on one digit: the layers of mnist_bp/layers.py and the network of
// mnist_bp/network.py. `dout` is the gradient of the loss with respect to a layer's output; each
// `backward` returns the gradient with respect to its input.
"use strict";

// y = x W + b. W is stored row by row: W[i, j], from input i to output j, is W[i * outputs + j].
class Affine {
  constructor(W, b) {
    this.W = W;
    this.b = b;
  }

  forward(x) {
    this.x = x;
    const y = Float64Array.from(this.b);
    for (let i = 0; i < x.length; i++) {
      for (let j = 0; j < y.length; j++) y[j] += x[i] * this.W[i * y.length + j];
    }
    return y;
  }

  backward(dout) {
    this.dW = new Float64Array(this.W.length);
    this.db = dout;
    const dx = new Float64Array(this.x.length);
    for (let i = 0; i < dx.length; i++) {
      for (let j = 0; j < dout.length; j++) {
        this.dW[i * dout.length + j] = this.x[i] * dout[j];
        dx[i] += dout[j] * this.W[i * dout.length + j];
      }
    }
    return dx;
  }
}

// y = max(x, 0): the gradient passes where the input was positive and stops elsewhere.
class ReLU {
  forward(x) {
    this.mask = x.map((value) => (value > 0 ? 1 : 0));
    return x.map((value) => Math.max(value, 0));
  }

  backward(dout) {
    return dout.map((value, i) => value * this.mask[i]);
  }
}

// y = 1 / (1 + exp(-x)), whose derivative is y (1 - y).
class Sigmoid {
  forward(x) {
    this.y = x.map((value) => 1 / (1 + Math.exp(-value)));
    return this.y;
  }

  backward(dout) {
    return dout.map((value, i) => value * this.y[i] * (1 - this.y[i]));
  }
}

// Softmax and cross entropy in one node, whose gradient is the difference y - t.
class SoftmaxWithLoss {
  forward(logits, label) {
    const logY = logSoftmax(logits);
    this.y = logY.map(Math.exp);
    this.t = logits.map((_, digit) => (digit === label ? 1 : 0));
    return -logY[label];
  }

  backward() {
    return this.y.map((y, digit) => y - this.t[digit]);
  }
}

// The logarithms of the probabilities. Without the largest logit, no exponential overflows.
function logSoftmax(logits) {
  const largest = Math.max(...logits);
  const shifted = logits.map((logit) => logit - largest);
  const logSum = Math.log(shifted.map(Math.exp).reduce((a, b) => a + b));
  return shifted.map((logit) => logit - logSum);
}

const ACTIVATIONS = { relu: ReLU, sigmoid: Sigmoid };

class TwoLayerNet {
  constructor({ W1, b1, W2, b2 }, activation) {
    this.params = { W1, b1, W2, b2 };
    this.affine1 = new Affine(W1, b1);
    this.activation = new ACTIVATIONS[activation]();
    this.affine2 = new Affine(W2, b2);
    this.lastLayer = new SoftmaxWithLoss();
  }

  // From 784 pixels between 0 and 1 to the probabilities, with everything in between. The loss is
  // NaN where the label is unknown, null.
  forward(x, label = null) {
    const z1 = this.affine1.forward(x);
    const h = this.activation.forward(z1);
    const logits = this.affine2.forward(h);
    const loss = this.lastLayer.forward(logits, label);
    return { x, z1, h, logits, y: this.lastLayer.y, t: this.lastLayer.t, loss };
  }

  // From the loss of the last `forward` back to the pixels: the layers in reverse order.
  backward() {
    const dlogits = this.lastLayer.backward();
    const dh = this.affine2.backward(dlogits);
    const dz1 = this.activation.backward(dh);
    const dx = this.affine1.backward(dz1);
    return { dlogits, dh, dz1, dx };
  }

  // The gradients of the four parameters, as the last `backward` left them.
  gradients() {
    const { affine1, affine2 } = this;
    return { W1: affine1.dW, b1: affine1.db, W2: affine2.dW, b2: affine2.db };
  }

  // One step of gradient descent on one digit.
  step(x, label, learningRate) {
    this.forward(x, label);
    this.backward();
    for (const [name, gradient] of Object.entries(this.gradients())) {
      const param = this.params[name];
      gradient.forEach((value, i) => (param[i] -= learningRate * value));
    }
  }
}

// The net of the weights file, as it lies in the page: numbers as base64, row by row.
const file = JSON.parse(element("net").textContent);

function numbers(base64) {
  const { buffer } = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return Float64Array.from(file.type === "float64" ? new Float64Array(buffer) : new Float32Array(buffer));
}

function netOfFile() {
  const params = ["W1", "b1", "W2", "b2"].map((name) => [name, numbers(file[name])]);
  return new TwoLayerNet(Object.fromEntries(params), file.activation);
}

let net = netOfFile();

const scaled = (pixels) => Float64Array.from(pixels, (pixel) => pixel / 255);
