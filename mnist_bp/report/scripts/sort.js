// A heading of the table sorts its rows: the first time upwards, the next time downwards.
"use strict";

const headings = [...document.querySelectorAll(".settings thead th")];
const rows = document.querySelector(".settings tbody");

headings.forEach((heading, column) => {
  heading.querySelector("button").addEventListener("click", () => {
    const downwards = heading.getAttribute("aria-sort") === "ascending";
    for (const each of headings) each.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", downwards ? "descending" : "ascending");
    const text = (row) => row.cells[column].textContent;
    const compare = (a, b) => text(a) - text(b) || text(a).localeCompare(text(b), "en");
    rows.append(...[...rows.rows].sort((a, b) => (downwards ? compare(b, a) : compare(a, b))));
  });
});
