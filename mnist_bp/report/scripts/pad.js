// The pad: strokes of a pen -> ink -> digits of 28 x 28 pixels. prediction.js shows what the net
// predicts.
"use strict";

const paper = element("paper"); // A canvas of WIDTH x HEIGHT pixels, however large it is shown.
const context = paper.getContext("2d", { willReadFrequently: true });
const { width: WIDTH, height: HEIGHT } = paper;
const PEN = HEIGHT / 13; // Width of a line: after scaling, about that of MNIST's pens.

let strokes = []; // Each is a list of points [x, y], in pixels of the canvas.

// ---- Drawing ------------------------------------------------------------------------------------

function draw() {
  context.clearRect(0, 0, WIDTH, HEIGHT);
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const [[x, y]] = stroke;
    // A touch leaves a dot: some browsers draw nothing for a line of length 0.
    context.beginPath();
    context.arc(x, y, PEN / 2, 0, 2 * Math.PI);
    context.fill();
    context.beginPath();
    for (const point of stroke) context.lineTo(...point);
    context.stroke();
  }
}

function inkOnPaper() {
  const { data } = context.getImageData(0, 0, WIDTH, HEIGHT);
  const rows = Array.from({ length: HEIGHT }, () => new Array(WIDTH));
  for (let i = 0; i < WIDTH * HEIGHT; i++) rows[Math.floor(i / WIDTH)][i % WIDTH] = data[4 * i + 3] / 255;
  return rows;
}

// From left to right, each as 784 pixels; touching: whether it seems to be several.
function drawnDigits() {
  draw();
  return digitsIn(inkOnPaper()).map((ink) => ({ pixels: prepared(ink), touching: seemsToTouch(ink) }));
}

// A pen can send many events between two frames: the page is updated once per frame.
let waiting = false;
function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    showDrawing(drawnDigits());
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

let pointer = null; // Only the first finger draws.

function pointAt(event) {
  const shown = paper.getBoundingClientRect();
  const scale = WIDTH / shown.width;
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
  // A fast pen passes several points between two frames; some browsers list them all.
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

const STEP = HEIGHT / 28;
const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const held = new Set(); // Two arrow keys at once move the pen diagonally.
let pen = [HEIGHT / 2, HEIGHT / 4]; // Where a first digit begins: others are drawn beside it.
let down = false;

function penUp() {
  down = false;
  held.clear();
  element("pen").hidden = true;
}

function showPen() {
  const mark = element("pen");
  mark.hidden = false;
  mark.style.left = `${(100 * pen[0]) / WIDTH}%`;
  mark.style.top = `${(100 * pen[1]) / HEIGHT}%`;
  mark.classList.toggle("down", down);
}

function movePen() {
  const within = (place, end) => Math.min(Math.max(place, PEN / 2), end - PEN / 2);
  for (const key of held) {
    pen = pen.map((place, axis) => within(place + STEP * MOVES[key][axis], [WIDTH, HEIGHT][axis]));
  }
  if (down) strokes.at(-1)?.push(pen);
}

function pressPen() {
  down = !down;
  if (down) strokes.push([pen]);
  announce(down ? "Pen down." : "Pen up.");
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
