// What the net predicts for each digit of the drawing, and for the one that is chosen, the hidden
// units that contribute most to it.
//
// window.pad is for use from the console, and for tests:
//   pad.show(pixels)   shows 784 pixels, 0 to 255, to the net; returns the ten probabilities
//   pad.digits()       the 784 pixels of each digit that is drawn, from left to right
//   pad.pixels()       those of the digit that is chosen; null where nothing is drawn
//   pad.clear()        an empty pad
"use strict";

const CONTRIBUTORS = 6; // Hidden units that are listed.

let row = []; // The digits of the drawing: { pixels, touching }, and what predict() adds.
let chosen = 0; // The one that is shown in detail.

function show(pixels) {
  showDrawing([{ pixels, touching: false }]);
  return Array.from(row[0].y);
}

function showDrawing(digits) {
  // Who draws one more digit looks at that one.
  if (digits.length !== row.length) chosen = Math.max(digits.length - 1, 0);
  showPredictions(digits);
  showDrawingInside(row, chosen);
}

function showPredictions(digits) {
  element("undo").disabled = element("clear").disabled = strokes.length === 0;
  row = digits.map(predict);
  element("row").replaceChildren(...(row.length > 1 ? row.map(digitButton) : []));
  showChosen();
  const text = describeRow();
  element("prediction").textContent = text;
  announceLater(text);
}

function predict({ pixels, touching }) {
  const { h, y } = net.forward(scaled(pixels));
  const [first, second] = [...y.keys()].sort((a, b) => y[b] - y[a]);
  const reason = reasonAgainst(y, pixels, touching);
  return { pixels, touching, h, y, first, second, reason, mark: `${first}${reason ? "?" : ""}` };
}

// ---- The row ------------------------------------------------------------------------------------

function describeRow() {
  if (!row.length) return "Nothing is drawn yet.";
  const isFinite = row.every(({ y }) => y.every(Number.isFinite));
  if (!isFinite) return "The net's output is not finite: its weights are too large.";
  if (row.length > 1) return `Prediction: ${row.map(({ mark }) => mark).join("")}`;
  const [{ y, first, second, mark, reason }] = row;
  const likely = percent(y[second]) !== percent(0); // A second digit with 0.0 % says nothing.
  const other = likely ? `, or ${second} (${percent(y[second])})` : "";
  return `Prediction: ${mark} (${percent(y[first])})${other}${reason ? `. Unsure: ${reason}` : ""}`;
}

function digitButton({ y, first, mark, reason }, place) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  for (const text of [mark, percent(y[first]), reason ?? ""]) {
    button.append(Object.assign(document.createElement("span"), { textContent: text }), " ");
  }
  button.addEventListener("click", () => choose(place));
  return button;
}

function choose(place) {
  chosen = place;
  showChosen();
  showDrawingInside(row, chosen);
}

// ---- The digit that is chosen -------------------------------------------------------------------

function showChosen() {
  // Even for empty paper the net has probabilities, but they mean nothing.
  const { pixels, h, y, first } = row[chosen] ?? { pixels: [], h: [], y: [] };
  drawNumbers(element("seen"), pixels, 255, INK);
  showProbabilities(y, first);
  showHidden(h, first);
  [...element("row").children].forEach((button, place) => button.setAttribute("aria-pressed", place === chosen));
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
  showPredictions(row);
});

const drawnPixels = () => drawnDigits().map(({ pixels }) => pixels);
window.pad = { show, digits: drawnPixels, pixels: () => drawnPixels()[chosen] ?? null, clear };
showDrawing([]);
