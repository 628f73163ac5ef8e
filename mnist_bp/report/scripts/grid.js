// An array and its gradient as two pictures with a cell for each number. The numbers are shown when
// a cell is pointed at, or reached with the arrow keys.
"use strict";

class Grid {
  constructor(box) {
    this.box = box;
    this.name = box.dataset.array;
    this.canvases = box.querySelectorAll("canvas");
    this.readout = element(`${this.name}-readout`);
    for (const canvas of this.canvases) {
      canvas.onpointermove = canvas.onpointerdown = (event) => this.pointAt(event, canvas);
    }
    box.addEventListener("keydown", (event) => this.moveWithKeys(event));
    box.addEventListener("focus", () => this.choose(Number(box.dataset.cell ?? 0)));
  }

  // Without a label there is no gradient: an empty array.
  show(values, gradient) {
    this.values = values;
    this.gradient = gradient;
    this.columns = this.name === "x" ? 28 : Math.max(1, Math.ceil(Math.sqrt(values.length)));
    this.rows = Math.max(1, Math.ceil(values.length / this.columns));
    for (const canvas of this.canvases) Object.assign(canvas, { width: this.columns, height: this.rows });
    const [above, below] = this.canvases;
    if (this.name === "x") drawNumbers(above, values, 1, INK);
    else drawNumbers(above, values);
    drawNumbers(below, gradient);
    this.choose(Number(this.box.dataset.cell));
  }

  choose(cell) {
    if (!(cell >= 0 && cell < this.values.length)) return;
    const [row, column] = [Math.floor(cell / this.columns), cell % this.columns];
    const place = this.name === "x" ? `${row}, ${column}` : cell;
    const gradient = this.gradient.length ? number(this.gradient[cell]) : "unknown";
    this.readout.textContent = `${this.name}[${place}] = ${number(this.values[cell])}, gradient ${gradient}`;
    this.box.dataset.cell = cell;
    this.box.style.cssText = `--row: ${row}; --rows: ${this.rows}; --column: ${column}; --columns: ${this.columns}`;
  }

  pointAt(event, canvas) {
    const column = Math.floor((event.offsetX / canvas.clientWidth) * this.columns);
    const row = Math.floor((event.offsetY / canvas.clientHeight) * this.rows);
    this.choose(row * this.columns + column);
  }

  moveWithKeys(event) {
    if (!(event.key in DIRECTIONS)) return;
    event.preventDefault();
    const [down, right] = DIRECTIONS[event.key];
    const cell = Number(this.box.dataset.cell);
    const column = (cell % this.columns) + right;
    if (column >= 0 && column < this.columns) this.choose(cell + down * this.columns + right);
  }
}
