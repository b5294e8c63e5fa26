// Tables: those behind the charts, sorting, and their text as Markdown or CSV.

import {$, $$, h} from "./dom.js";
import {D, view} from "./data.js";
import {base, load, state} from "./state.js";
import {NOTHING, unbroken} from "./words.js";

const UNITS = {ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1};

// The first column names the row, the others are values.
export function valueTable(element, heads, rows, caption) {
  const first = h("th", {scope: "col", class: "text"}, heads[0]);
  const body = rows.map(([name, ...values]) => h("tr", {}, h("th", {scope: "row", class: "text"}, String(name)), values.map((value) => h("td", {}, String(value)))));
  element.replaceChildren(
    h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": `Values: ${heads.join(", ")}`},
      h("table", {class: "data"}, caption ? h("caption", {}, caption) : null, h("thead", {}, h("tr", {}, first, heads.slice(1).map((head) => h("th", {scope: "col"}, head)))), h("tbody", {}, body))),
    h("div", {class: "tools"}, h("button", {class: "button", "data-copy": "markdown"}, "Copy as Markdown"), h("button", {class: "button", "data-copy": "csv"}, "Copy as CSV")),
  );
}

// ---- all numbers ----

export function drawRatios() {
  const table = $("#numbers table");
  const over = state.b || "the leader";
  const heading = $$("thead th", table)[4];
  (heading.querySelector("button") ?? heading).textContent = D.ab ? `new to old [${D.level}]` : `ratio to ${over} [${D.level}]`;
  for (const row of $$("tbody tr", table)) {
    const found = view(Number(row.dataset.load), base()).find((each) => each[0] === Number(row.dataset.series));
    const pair = $(".pair", row);
    pair.textContent = found ? unbroken(found[4]) : NOTHING;
    pair.nextElementSibling.textContent = found ? found[5] : NOTHING;
  }
}

export function markRows() {
  for (const row of $$("tr[data-load]")) row.classList.toggle("on", Number(row.dataset.load) === load());
}

// ---- sorting ----

function keyOf(row, column) {
  const text = row.cells[column].textContent.trim();
  const found = /^([+−-]?[\d,]*\.?\d+)\s*(ns|µs|ms|s)?(?![\w/])/.exec(text);
  if (text === NOTHING) return null;
  return found ? parseFloat(found[1].replace(/,/g, "").replace("−", "-")) * (UNITS[found[2]] ?? 1) : text;
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), "en");
}

// By the first number of each cell, else by its words; what is missing comes last.
function sortBy(table, head) {
  const column = [...head.parentNode.children].indexOf(head);
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, column), row]);
  rows.sort(([one], [other]) => (one === null || other === null ? (one === null) - (other === null) : sign * compare(one, other)));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

export function makeSortable(table) {
  for (const head of table.tHead.rows[0].cells) {
    const button = h("button", {}, [...head.childNodes]);
    head.append(button);
    button.addEventListener("click", () => sortBy(table, head));
  }
}

// ---- as text ----

const textOf = (cell) => cell.textContent.trim().replace(/\u00ad/g, "").replace(/\s+/g, " ");
export const gridOf = (table) => [...table.rows].map((row) => [...row.cells].filter((cell) => !cell.classList.contains("bar")).map((cell) => cell.querySelector(".name") ? textOf(cell.querySelector(".name")) : textOf(cell)));

export function asMarkdown(table) {
  const [heads, ...rows] = gridOf(table).map((row) => `| ${row.map((cell) => cell.replace(/\|/g, "\\|")).join(" | ")} |`);
  const columns = heads.split(/(?<!\\)\|/).length - 2;
  return `${[heads, `|${"---|".repeat(columns)}`, ...rows].join("\n")}\n`;
}

export const asCsv = (table) => `${gridOf(table).map((row) => row.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replace(/"/g, '""')}"` : cell)).join(",")).join("\n")}\n`;
