// What a request costs at the chosen load: bars, the server in full colour, the wineserver pale.

import {$, bold, h} from "./dom.js";
import {GRID, marginOf, put, tipOf} from "./chart.js";
import {D, cell, isControl, label, labels, orderOf} from "./data.js";
import {axisX, axisY, barX, gridX, ruleX, text} from "./library.js";
import {colour} from "./shapes.js";
import {base, hidden, load, set} from "./state.js";
import {valueTable} from "./tables.js";
import {number} from "./words.js";

const PARTS = [["CPU time", "µs of CPU", 0], ["Context switches", "context switches", 2]];
const PALE = 0.42;

export function drawCost() {
  const names = hidden();
  const series = orderOf(load(), base()).filter((each) => !isControl(each) && !names.has(label(each)));
  const wineserver = series.some((each) => cell(load(), each).c[1] !== null);
  const said = D.loads[load()].notes.cost;
  $("#cost-note").replaceChildren(...said.flatMap((text_) => [...bold(text_, labels()), " "]), wineserver ? "Full colour: the server. Pale: the wineserver, which does the part of the kernel under Wine." : "");
  $("#cost-plots").replaceChildren(...PARTS.map(([title]) => h("figure", {}, h("p", {class: "plot-title"}, title), h("div", {class: "plot"}))));
  PARTS.forEach(([title, unit, first], at) => {
    const figure = $("#cost-plots").children[at];
    const unknown = series.filter((each) => cell(load(), each).c[first] === null);
    drawBars(figure.lastChild, title, unit, first, series);
    if (unknown.length && unknown.length < series.length) figure.append(h("p", {class: "small muted"}, `Unavailable: ${unknown.map(label).join(", ")}. “Why a table shows –” has the reasons.`));
  });
  drawTable(wineserver);
}

function drawBars(element, title, unit, first, series) {
  const known = series.filter((each) => cell(load(), each).c[first] !== null);
  if (!known.length) {
    element.replaceChildren(h("p", {class: "note"}, `${title} per request is unavailable; “Why a table shows –” has the reason.`));
    return;
  }
  const rows = known.flatMap((each) => {
    const [own, other] = cell(load(), each).c.slice(first);
    const sum = own + (other ?? 0);
    const name = label(each);
    const said = (part, value) => `${name}\n${part}: ${number(value)} ${unit}\ntogether ${number(sum)}`;
    return [
      {series: each, name, from: 0, to: own, sum, last: other === null, opacity: 1, text: said("server", own)},
      ...(other === null ? [] : [{series: each, name, from: own, to: sum, sum, last: true, opacity: PALE, text: said("wineserver", other)}]),
    ];
  });
  put(element, `${title} per request at ${D.loads[load()].w}. The table below holds the values.`, {
    height: 26 * known.length + 42, marginLeft: marginOf(known.map(label)), marginRight: 52, marginTop: 4, marginBottom: 36,
    x: {domain: [0, Math.max(...rows.map((row) => row.sum))], label: null, axis: null},
    y: {domain: known.map(label), label: null, padding: 0.22, axis: null},
    marks: [
      gridX({...GRID, ticks: 4}),
      axisX({ticks: 4, tickSize: 0, label: `${unit} per request →`, labelAnchor: "right", labelArrow: "none"}),
      axisY({tickSize: 0, fontWeight: 600, label: null}),
      barX(rows, {x1: "from", x2: "to", y: "name", fill: (row) => colour(row.series), fillOpacity: "opacity"}),
      text(rows.filter((row) => row.last), {x: "sum", y: "name", text: (row) => number(row.sum), dx: 5, textAnchor: "start"}),
      ruleX([0], {stroke: "var(--muted)"}),
      tipOf(rows, {x: (row) => (row.from + row.to) / 2, y: "name", maxRadius: 90}),
    ],
  }, (row) => set({cell: row.name}));
}

function drawTable(wineserver) {
  const parts = wineserver ? ["server CPU, µs", "wineserver CPU, µs", "server switches", "wineserver switches"] : ["server CPU, µs", "server switches"];
  const rows = orderOf(load(), base()).map((each) => {
    const {c, w} = cell(load(), each);
    return [label(each), ...(wineserver ? c : [c[0], c[2]]).map(number), ...w];
  });
  valueTable($("#cost-table"), ["server", ...parts, "CPU together, µs", "switches together"], rows, "Per request, medians of the valid repeats.");
}
