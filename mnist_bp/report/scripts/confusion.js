// The confusion matrix: a cell that is clicked, or reached with the keyboard, shows its digits.
"use strict";

const buttons = [...document.querySelectorAll("button[data-cell]")];

function showCell(button) {
  const name = button.dataset.cell;
  const [label, prediction] = name.split("-").map(Number);
  const { count, digits } = cells[name];
  element("cell-text").textContent = describeCell(label, prediction, count, digits.length);
  element("cell-digits").replaceChildren(...digits.map((digit) => digitItem(label, prediction, digit)));
  for (const each of buttons) each.toggleAttribute("aria-current", each === button);
}

function describeCell(label, prediction, count, shown) {
  const correct = label === prediction;
  const what = correct ? `${label}, classified correctly` : `${label} classified as ${prediction}`;
  const order = correct ? "the first" : "the most confident";
  const rest = count > shown ? ` Shown: ${order} ${shown}; ${count - shown} are left out.` : "";
  return `${what}: ${count} digit${count === 1 ? "" : "s"}, each with its confidence.${rest}`;
}

function digitItem(label, prediction, { index, probability, picture }) {
  const item = document.createElement("li");
  const link = Object.assign(document.createElement("a"), { href: "#inside-title" });
  Object.assign(link.dataset, { label, index });
  const alt = `digit ${index}: ${label} classified as ${prediction}`;
  const text = Object.assign(document.createElement("span"), { textContent: percent(probability) });
  link.append(Object.assign(new Image(28, 28), { src: picture, alt }));
  item.append(link, text);
  return item;
}

// Arrow keys go to the next cell in that direction that is not empty.
function moveTo(event) {
  const direction = DIRECTIONS[event.key];
  if (!direction) return;
  event.preventDefault();
  let [row, column] = event.currentTarget.dataset.cell.split("-").map(Number);
  do {
    row += direction[0];
    column += direction[1];
    const next = buttons.find((each) => each.dataset.cell === `${row}-${column}`);
    if (next) return next.focus();
  } while (row >= 0 && row < 10 && column >= 0 && column < 10);
}

for (const button of buttons) {
  button.addEventListener("click", () => showCell(button));
  button.addEventListener("focus", () => showCell(button));
  button.addEventListener("keydown", moveTo);
}
