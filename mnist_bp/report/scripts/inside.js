// Inside the net: one digit forward through the four layers, the gradients of its loss backward, and
// steps of gradient descent on it. They change the net of this page, until they are reset.
"use strict";

const cells = JSON.parse(element("cells").textContent);
const grids = [...document.querySelectorAll("[data-array]")].map((box) => new Grid(box));

let digit = null; // What is shown: { pixels, label, name, place }; place: of a drawn digit in its row.
let labels = []; // Those that were chosen for drawn digits; until then they are null.
let before = null; // What the net computed before the last step or steps.
let steps = 0; // Steps since the weights of the file.

// ---- Which digit --------------------------------------------------------------------------------

function showInside(pixels, label, name, place = null) {
  digit = { pixels, label, name, place };
  before = null;
  element("label").value = label ?? "";
  update();
}

// A drawn digit that is continued, or chosen again, keeps its label.
function showDrawingInside(row, place) {
  const name = row.length > 1 ? `digit ${place + 1} of your drawing` : "your drawing";
  if (row.length) return showInside(row[place].pixels, labels[place] ?? null, name, place);
  labels = [];
  if (digit && digit.place !== null) showExample();
}

// Until a digit is chosen: the first mistake of the matrix.
async function showExample() {
  const entries = Object.entries(cells);
  const [name, { digits }] = entries.find(([name]) => name[0] !== name[2]) ?? entries[0];
  showInside(await pixelsOf(digits[0].picture), Number(name[0]), `digit ${digits[0].index}`);
}

// Every digit of the page is a link to this section.
document.addEventListener("click", async ({ target }) => {
  const link = target.closest("a[data-label]");
  if (!link) return;
  const pixels = await pixelsOf(link.querySelector("img").src);
  showInside(pixels, Number(link.dataset.label), `digit ${link.dataset.index}`);
});

element("label").addEventListener("change", ({ target }) => {
  const label = Number(target.value);
  if (digit.place !== null) labels[digit.place] = label;
  showInside(digit.pixels, label, digit.name, digit.place);
});

// ---- Forward and backward -----------------------------------------------------------------------

function update() {
  const known = digit.label !== null;
  const values = net.forward(scaled(digit.pixels), digit.label);
  const gradients = known ? net.backward() : { dx: [], dz1: [], dh: [], dlogits: [] };
  for (const grid of grids) grid.show(values[grid.name], gradients[`d${grid.name}`]);
  fill("logits", values.logits, (value) => fixed(value, 2));
  fill("dlogits", gradients.dlogits, (value) => fixed(value, 4));
  fill("y", values.y, (value) => fixed(value, 4));
  fill("t", known ? values.t : [], String);
  element("inside-digit").textContent = digit.name;
  element("loss").textContent = known ? number(values.loss) : "–";
  showSteps(values);
}

function fill(list, values, format) {
  document.querySelectorAll(`[data-list="${list}"]`).forEach((cell, i) => {
    cell.textContent = i in values ? format(values[i], i) : "–";
    cell.classList.toggle("target", i === digit.label);
  });
}

// ---- Steps of gradient descent ------------------------------------------------------------------

function takeSteps(count) {
  const x = scaled(digit.pixels);
  before = net.forward(x, digit.label);
  for (let i = 0; i < count; i++) net.step(x, digit.label, element("rate").valueAsNumber);
  weightsChanged(steps + count);
}

function reset() {
  net = netOfFile();
  before = null;
  weightsChanged(0);
}

function weightsChanged(taken) {
  steps = taken;
  document.dispatchEvent(new Event("weightschange"));
  update();
  showRemembered();
}

function showSteps(after) {
  const ready = element("rate").valueAsNumber > 0 && Number.isFinite(after.loss);
  element("step").disabled = element("step10").disabled = !ready;
  element("reset").disabled = steps === 0;
  fill("before", before ? [...before.y, before.loss] : [], formatStep);
  fill("after", digit.label === null ? after.y : [...after.y, after.loss], formatStep);
  element("steps").textContent = describeSteps(after);
  element("weights-changed").textContent = steps ? `Its weights have been changed by ${taken()} below.` : "";
}

// Ten probabilities, and the loss.
const formatStep = (value, row) => (row < 10 ? percent(value) : number(value));
const taken = () => `${steps} step${steps === 1 ? "" : "s"}`;

function describeSteps(after) {
  if (digit.label === null) return "Choose the label of your drawing.";
  if (!Number.isFinite(after.loss)) return "The loss is not finite: the weights are too large. Reset them.";
  if (!before) return `${taken()} taken.`;
  const [was, is] = [before, after].map(({ y }) => percent(y[digit.label]));
  return `${taken()} taken: the probability of ${digit.label} went from ${was} to ${is}.`;
}

// While the net learns one digit it forgets others: of those on the diagonal of the matrix, how many
// does it still know?
let examples = null;

async function showRemembered() {
  examples ??= await loadExamples();
  const isCorrect = ({ x, label }) => net.forward(x).y.every((probability, _, y) => probability <= y[label]);
  const count = examples.filter(isCorrect).length;
  const text = `${count} of the ${examples.length} digits that the diagonal of the confusion matrix shows are still correct.`;
  element("remembered").textContent = steps ? text : "";
}

function loadExamples() {
  const diagonal = Object.entries(cells).filter(([name]) => name[0] === name[2]);
  const digits = diagonal.flatMap(([name, { digits }]) => digits.map(({ picture }) => [Number(name[0]), picture]));
  return Promise.all(digits.map(async ([label, picture]) => ({ x: scaled(await pixelsOf(picture)), label })));
}

element("step").addEventListener("click", () => takeSteps(1));
element("step10").addEventListener("click", () => takeSteps(10));
element("reset").addEventListener("click", reset);
element("rate").addEventListener("input", update);
showExample();
