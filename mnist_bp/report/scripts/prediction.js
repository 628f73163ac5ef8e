// What the net predicts for the drawing, and the hidden units that contribute most to it.
//
// window.pad is for use from the console, and for tests:
//   pad.show(pixels)   shows 784 pixels, 0 to 255, to the net; returns the ten probabilities
//   pad.pixels()       the 784 pixels that the drawing becomes; null where nothing is drawn
//   pad.clear()        an empty pad
"use strict";

const CONTRIBUTORS = 6; // Hidden units that are listed.

function show(pixels) {
  showDrawingInside(pixels);
  return showPrediction(pixels);
}

function showPrediction(pixels) {
  element("undo").disabled = element("clear").disabled = strokes.length === 0;
  // Even for empty paper the net has probabilities, but they mean nothing.
  const { h, y } = pixels ? net.forward(scaled(pixels)) : { h: [], y: [] };
  const [first, second] = [...y.keys()].sort((a, b) => y[b] - y[a]);
  drawNumbers(element("seen"), pixels ?? [], 255, INK);
  showProbabilities(y, first);
  showHidden(h, first);
  const text = pixels ? describePrediction(y, first, second) : "Nothing is drawn yet.";
  element("prediction").textContent = text;
  announceLater(text);
  return Array.from(y);
}

function describePrediction(y, first, second) {
  if (!y.every(Number.isFinite)) return "The net's output is not finite: its weights are too large.";
  const likely = percent(y[second]) !== percent(0); // A second digit with 0.0 % says nothing.
  return `Prediction: ${first} (${percent(y[first])})` + (likely ? `, or ${second} (${percent(y[second])})` : "");
}

function showProbabilities(y, best) {
  document.querySelectorAll("#probabilities li").forEach((row, digit) => {
    row.classList.toggle("best", digit === best);
    row.style.setProperty("--share", y[digit] || 0);
    row.querySelector(".value").textContent = percent(y[digit]);
  });
}

// The contribution of a hidden unit to a digit's logit: its output times its weight for the digit.
function showHidden(h, best) {
  drawNumbers(element("hidden"), h);
  const threshold = net.activation instanceof Sigmoid ? 0.5 : 0;
  const active = h.filter((output) => output > threshold).length;
  element("active").textContent = h.length ? `${active} of ${h.length} are active` : "";

  const all = Array.from(h, (output, unit) => ({ unit, amount: output * net.params.W2[unit * 10 + best] }));
  all.sort((a, b) => b.amount - a.amount);
  const top = all.slice(0, CONTRIBUTORS).filter(({ amount }) => amount > 0);
  element("contributors").replaceChildren(...top.map(contributorItem));
  element("contributions").hidden = top.length === 0;
  element("contributions-to").textContent = best ?? "";
}

function contributorItem({ unit, amount }) {
  const item = document.createElement("li");
  const caption = document.createElement("span");
  caption.textContent = `#${unit} +${amount.toFixed(1)}`;
  item.append(pictureOf(unit), caption);
  return item;
}

const pictures = new Map(); // The same units contribute again and again: each is drawn once.

function pictureOf(unit) {
  if (!pictures.has(unit)) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `weights of hidden unit ${unit}`);
    drawUnit(canvas, unit);
    pictures.set(unit, canvas);
  }
  return pictures.get(unit);
}

// Screen readers announce a prediction when the pen has rested, not at every point that it passes.
function announce(text) {
  clearTimeout(announceLater.timer);
  element("status").textContent = text;
}

function announceLater(text) {
  clearTimeout(announceLater.timer);
  if (strokes.length) announceLater.timer = setTimeout(announce, 800, text);
}

// Steps of gradient descent, taken below the pad, change the net that the pad shows.
document.addEventListener("weightschange", () => {
  pictures.clear();
  showPrediction(drawnPixels());
});

window.pad = { show, pixels: drawnPixels, clear };
show(null);
