// The confusion matrix: a cell that is clicked, or reached with the keyboard, shows its digits.
"use strict";

const cells = JSON.parse(document.getElementById("cells").textContent);
const buttons = [...document.querySelectorAll("button[data-cell]")];

function showCell(button) {
  const { says, digits } = cells[button.dataset.cell];
  document.getElementById("cell-says").textContent = says;
  document.getElementById("cell-digits").replaceChildren(...digits.map(digitItem));
  for (const each of buttons) each.toggleAttribute("aria-current", each === button);
}

function digitItem({ picture, alt, sure }) {
  const item = document.createElement("li");
  const image = Object.assign(new Image(28, 28), { src: picture, alt });
  const text = Object.assign(document.createElement("span"), { textContent: sure });
  item.append(image, text);
  return item;
}

// Arrow keys go to the next cell with mistakes in that direction.
const DIRECTIONS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

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
