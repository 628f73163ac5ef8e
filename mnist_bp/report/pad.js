// The pad: strokes of a pen -> ink -> 28 x 28 pixels -> the net -> what the page shows.
//
// window.pad is for whoever wants to try the net from the console, or test it:
//   pad.show(pixels)   shows 784 pixels, 0 to 255, to the net; returns the ten probabilities
//   pad.pixels()       the 784 pixels that what is drawn becomes; null where nothing is
//   pad.clear()        an empty pad
"use strict";

const element = (id) => document.getElementById(id);
const paper = element("paper"); // A canvas of SIZE x SIZE pixels, however large it is shown.
const context = paper.getContext("2d", { willReadFrequently: true });
const SIZE = paper.width;
const PEN = SIZE / 13; // Width of a line: after scaling, about that of MNIST's pens.
const SPEAKERS = 6; // Hidden units that are shown by name.

let strokes = []; // Each is a list of points [x, y], in pixels of the canvas.

// ---- Drawing ------------------------------------------------------------------------------------

function draw() {
  context.clearRect(0, 0, SIZE, SIZE);
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const [[x, y]] = stroke;
    // A touch leaves a dot, which a line without length may not.
    context.beginPath();
    context.arc(x, y, PEN / 2, 0, 2 * Math.PI);
    context.fill();
    context.beginPath();
    for (const point of stroke) context.lineTo(...point);
    context.stroke();
  }
}

function inkOnPaper() {
  const { data } = context.getImageData(0, 0, SIZE, SIZE);
  const ink = Array.from({ length: SIZE }, () => new Array(SIZE));
  for (let i = 0; i < SIZE * SIZE; i++) ink[Math.floor(i / SIZE)][i % SIZE] = data[4 * i + 3] / 255;
  return ink;
}

function drawnPixels() {
  draw();
  return strokes.length ? prepared(inkOnPaper()) : null;
}

// However many events a pen sends, the page is brought up to date once for each frame.
let waiting = false;
function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    show(drawnPixels());
  });
}

function undo() {
  strokes.pop();
  changed();
}

function clear() {
  strokes = [];
  changed();
}

// ---- Mouse, finger, pen -------------------------------------------------------------------------

let pointer = null; // The one that draws: a second finger does not.

function pointAt(event) {
  const shown = paper.getBoundingClientRect();
  const scale = SIZE / shown.width;
  return [(event.clientX - shown.left) * scale, (event.clientY - shown.top) * scale];
}

paper.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button !== 0) return;
  pointer = event.pointerId;
  paper.setPointerCapture(pointer); // The stroke goes on where the pen leaves the pad.
  penUp();
  strokes.push([pointAt(event)]);
  changed();
});

paper.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  // A fast pen passes several points between two frames; some browsers name them all.
  const passed = event.getCoalescedEvents?.() ?? [];
  strokes.at(-1)?.push(...(passed.length ? passed : [event]).map(pointAt));
  changed();
});

for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  paper.addEventListener(end, (event) => {
    if (event.pointerId === pointer) pointer = null;
  });
}

// ---- Keyboard -----------------------------------------------------------------------------------

const STEP = SIZE / 28;
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const held = new Set(); // Two arrow keys at once move the pen aslant.
let pen = [SIZE / 2, SIZE / 4];
let down = false;

function penUp() {
  down = false;
  held.clear();
  element("pen").hidden = true;
}

function showPen() {
  const mark = element("pen");
  mark.hidden = false;
  mark.style.left = `${(100 * pen[0]) / SIZE}%`;
  mark.style.top = `${(100 * pen[1]) / SIZE}%`;
  mark.classList.toggle("down", down);
}

function movePen() {
  const within = (place) => Math.min(Math.max(place, PEN / 2), SIZE - PEN / 2);
  for (const key of held) pen = pen.map((place, axis) => within(place + STEP * MOVES[key][axis]));
  if (down) strokes.at(-1)?.push(pen);
}

function pressPen() {
  down = !down;
  if (down) strokes.push([pen]);
  say(down ? "Pen down." : "Pen up.");
}

paper.addEventListener("keydown", (event) => {
  const undoes = event.key === "Backspace" || (event.key === "z" && (event.ctrlKey || event.metaKey));
  if (event.key in MOVES) {
    held.add(event.key);
    movePen();
  } else if (event.key === " ") {
    if (!event.repeat) pressPen();
  } else if (undoes || event.key === "Delete") {
    penUp();
    undoes ? undo() : clear();
  } else return;
  event.preventDefault(); // Neither arrow keys nor space scroll the page from here.
  showPen();
  changed();
});
paper.addEventListener("keyup", (event) => held.delete(event.key));
paper.addEventListener("focus", () => paper.matches(":focus-visible") && showPen());
paper.addEventListener("blur", penUp);
element("undo").addEventListener("click", undo);
element("clear").addEventListener("click", clear);

// ---- What the net makes of it -------------------------------------------------------------------

const percent = (fraction) => `${(100 * fraction).toFixed(1)}\u00a0%`;

function show(pixels) {
  showPixels(pixels ?? new Array(784).fill(0));
  element("undo").disabled = element("clear").disabled = strokes.length === 0;
  // Nothing was drawn, so nothing is claimed: the net would have an answer even to empty paper.
  const { hidden, probabilities } = pixels ? predict(pixels) : { hidden: null, probabilities: [] };
  const [first, second] = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  showProbabilities(probabilities, first);
  showHidden(hidden, first);
  const verdict = pixels
    ? `The net says ${first} (${percent(probabilities[first])}), ` +
      `or else ${second} (${percent(probabilities[second])}).`
    : "Nothing is drawn yet.";
  element("verdict").textContent = verdict;
  saySoon(verdict);
  return Array.from(probabilities);
}

function showPixels(pixels) {
  const image = new ImageData(28, 28);
  pixels.forEach((pixel, i) => (image.data[4 * i + 3] = pixel));
  element("seen").getContext("2d").putImageData(image, 0, 0);
}

function showProbabilities(probabilities, best) {
  document.querySelectorAll("#probabilities li").forEach((row, digit) => {
    const probability = probabilities[digit];
    row.classList.toggle("best", digit === best);
    row.style.setProperty("--share", probability ?? 0);
    row.querySelector(".value").textContent = probability === undefined ? "–" : percent(probability);
  });
}

// A pixel for each unit, the fuller the more it puts out; and the units that speak loudest for the
// digit: by what they put out, times their weight for it.
function showHidden(hidden, best) {
  const canvas = element("hidden");
  const image = new ImageData(canvas.width, canvas.height);
  const most = Math.max(...(hidden ?? [])) || 1;
  hidden?.forEach((output, unit) => image.data.set([...EXCITES, (255 * output) / most], 4 * unit));
  canvas.getContext("2d").putImageData(image, 0, 0);

  const fires = net.activation === "sigmoid" ? 0.5 : 0;
  const firing = hidden ? hidden.filter((output) => output > fires).length : 0;
  element("firing").textContent = hidden ? `${firing} of ${hidden.length} fire` : "";

  const votes = Array.from(hidden ?? [], (output, unit) => ({ unit, vote: output * W2[unit * 10 + best] }));
  votes.sort((a, b) => b.vote - a.vote);
  const speakers = votes.slice(0, SPEAKERS).filter(({ vote }) => vote > 0);
  element("speakers").replaceChildren(...speakers.map(speaker));
  element("speak").hidden = speakers.length === 0;
  element("speak-for").textContent = best ?? "";
}

function speaker({ unit, vote }) {
  const item = document.createElement("li");
  const caption = document.createElement("span");
  caption.textContent = `#${unit} +${vote.toFixed(1)}`;
  item.append(pictureOf(unit), caption);
  return item;
}

const pictures = new Map(); // Units speak again and again: each is drawn once.

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

// Screen readers hear a verdict when the pen has rested, not at every point that it passes.
function say(words) {
  clearTimeout(saySoon.timer);
  element("status").textContent = words;
}

function saySoon(words) {
  clearTimeout(saySoon.timer);
  if (strokes.length) saySoon.timer = setTimeout(say, 800, words);
}

window.pad = { show, pixels: drawnPixels, clear };
show(null);
