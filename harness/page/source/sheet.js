// One cell: its rounds next to those of another model, and its latencies.

import {$, h} from "./dom.js";
import {GRID, linearY, logTicks, put, sparse, tipOf, widthOf, xWords} from "./chart.js";
import {D, cell, label, labels, orderOf, otherOf, view} from "./data.js";
import {axisX, axisY, dot, gridY, line, rectY, ruleX, ruleY} from "./library.js";
import {colour, icon} from "./shapes.js";
import {base, load, set, state, writeHash} from "./state.js";
import {valueTable} from "./tables.js";
import {NOTHING, count, number, tick, time} from "./words.js";

const HEIGHT = 240;
let round = null;
let opener = null;

export function drawSheet() {
  const dialog = $("#sheet");
  const series = labels().indexOf(state.cell);
  if (series < 0 || !cell(load(), series)) {
    if (dialog.open) dialog.close();
    return;
  }
  if (!dialog.open) {
    round = null;
    opener = document.activeElement;
    dialog.showModal();
  }
  const own = cell(load(), series);
  const otherSeries = otherOf(load(), series, base());
  const other = otherSeries === undefined ? null : cell(load(), otherSeries);
  $("#sheet-name").replaceChildren(icon(series), label(series));
  $("#sheet-load").textContent = [D.loads[load()].w, D.series[series].note].filter(Boolean).join(", ");
  drawFacts(series, own, otherSeries);
  drawRounds(series, own, otherSeries, other);
  drawHistogram(series, own, otherSeries, other);
  const both = other ? [`${label(otherSeries)}, ${unit()}`] : [];
  valueTable($("#sheet-table"), ["round", `${label(series)}, ${unit()}`, ...both], own.x.map((value, at) => [at + 1, number(value), ...(other ? [number(other.x[at])] : [])]), "");
}

const unit = () => (D.loads[load()].cpu ? "µs CPU" : "requests/s");

function drawFacts(series, own, otherSeries) {
  const row = view(load(), base()).find((each) => each[0] === series);
  const facts = [
    [unit(), own.t, `${count(own.n, "valid repeat")} of ${own.of}`],
    ...(row && row[6] !== "base" && otherSeries !== undefined ? [[`to ${label(otherSeries)}`, row[4], row[5]]] : []),
    ["p50", own.p[0], ""],
    ["p99", own.p[1], ""],
    ["CPU per request", own.w[0] === NOTHING ? NOTHING : `${own.w[0]} µs`, `${own.w[1]} switches`],
    ["verdict", own.v, own.ok ? own.note : own.why],
  ];
  $("#sheet-facts").replaceChildren(...facts.map(([name, text, more]) => {
    const [value, interval] = text.split(/ (?=\[)/);
    return h("div", {}, name, h("b", {}, value), interval ? h("span", {class: "muted"}, interval) : null, h("span", {class: "muted"}, more));
  }));
}

function drawRounds(series, own, otherSeries, other) {
  const points = [[series, own], ...(other ? [[otherSeries, other]] : [])].flatMap(([each, found]) =>
    found.x.flatMap((y, at) => (y === null ? [] : [{series: each, at: at + 1, y, own: each === series, text: [`round ${at + 1}`, `${label(series)} ${number(own.x[at])}`, ...(other ? [`${label(otherSeries)} ${number(other.x[at])}`] : [])].join("\n")}])));
  const element = $("#sheet-rounds");
  if (!points.length) {
    element.replaceChildren(h("p", {class: "note"}, "No round has a valid figure."));
    $("#sheet-rounds-note").textContent = "";
    return;
  }
  const pairs = other ? own.x.flatMap((y, at) => (y !== null && other.x[at] !== null && other.x[at] !== undefined ? [{at: at + 1, from: y, to: other.x[at]}] : [])) : [];
  put(element, `${unit()} of each round. The table below holds the values.`, {
    height: HEIGHT, marginLeft: 52, marginTop: 8, marginBottom: 34, marginRight: 10,
    x: {domain: [0.5, own.x.length + 0.5], label: null, axis: null},
    y: {domain: [0, Math.max(...points.map((point) => point.y)) * 1.04], label: null, axis: null},
    marks: [
      round === null ? null : ruleX([round], {stroke: "var(--band)", strokeWidth: 16}),
      ...linearY((value) => value.toLocaleString("en")),
      axisX({ticks: Math.min(own.x.length, 10), tickFormat: (value) => (Number.isInteger(value) ? String(value) : ""), tickSize: 0, label: "round →", labelAnchor: "right", labelArrow: "none"}),
      own.y ? ruleY([own.y[0]], {stroke: colour(series), strokeDasharray: "3 3"}) : null,
      ruleX(pairs, {x: "at", y1: "from", y2: "to", stroke: "var(--line)", strokeWidth: 3}),
      dot(points, {x: "at", y: "y", fill: (point) => (point.own ? colour(point.series) : "var(--paper)"), stroke: (point) => (point.own ? "var(--paper)" : colour(point.series)), r: 5, strokeWidth: 1.6}),
      tipOf(points, {x: "at", y: "y"}),
    ],
  }, (point) => {
    round = round === point.at ? null : point.at;
    drawSheet();
  });
  const ahead = pairs.filter((pair) => (D.loads[load()].cpu ? pair.from < pair.to : pair.from > pair.to)).length;
  $("#sheet-rounds-note").textContent = [`Filled: ${label(series)}.`, ...(other ? [`Open: ${label(otherSeries)}, in the same round. ${label(series)} was ahead in ${ahead} of ${pairs.length}.`] : []), "A click on a round shows its own histogram."].join(" ");
}

// ---- histogram ----

function unrolled([first, ...counts]) {
  const found = [];
  let bin = first;
  for (const each of counts) {
    if (each < 0) bin -= each;
    else found.push([bin++, each]);
  }
  return found;
}

const edge = (bin) => 2 ** (bin / 8);

function binsOf(histograms) {
  const sums = new Map();
  let total = 0;
  for (const [bin, amount] of histograms.flatMap(unrolled)) {
    sums.set(bin, (sums.get(bin) ?? 0) + amount);
    total += amount;
  }
  return [...sums].sort(([one], [other]) => one - other).map(([bin, amount]) => ({x1: edge(bin), x2: edge(bin + 1), y: (100 * amount) / total}));
}

const stairs = (bins) => bins.flatMap((bin, at) => [
  ...(at && bins[at - 1].x2 < bin.x1 * 0.999 ? [{x: bins[at - 1].x2, y: 0}, {x: bin.x1, y: 0}] : []), {x: bin.x1, y: bin.y}, {x: bin.x2, y: bin.y}]);

function drawHistogram(series, own, otherSeries, other) {
  const element = $("#sheet-histogram");
  const mine = binsOf(own.h), theirs = other ? binsOf(other.h) : [];
  if (!mine.length) {
    element.replaceChildren(h("p", {class: "note"}, "No valid repeat has latencies."));
    $("#sheet-histogram-note").textContent = "";
    return;
  }
  const at = round === null ? -1 : own.hr.indexOf(round - 1);
  const one = at < 0 ? [] : binsOf([own.h[at]]);
  const all = [...mine, ...theirs];
  const low = Math.min(...all.map((bin) => bin.x1)), high = Math.max(...all.map((bin) => bin.x2));
  const width = widthOf(element), left = 40, right = 12;
  const place = (us) => left + (Math.log(us / low) / Math.log(high / low)) * (width - left - right);
  const points = mine.map((bin) => ({...bin, x: Math.sqrt(bin.x1 * bin.x2), text: `${time(bin.x1)} to ${time(bin.x2)}\n${number(bin.y)} % of requests`}));
  put(element, `Histogram of latencies of ${label(series)}.`, {
    height: HEIGHT, marginLeft: left, marginTop: 8, marginBottom: 36, marginRight: right,
    x: {type: "log", domain: [low, high], label: null, axis: null},
    y: {label: null, domain: [0, Math.max(...[...all, ...one].map((bin) => bin.y)) * 1.05], axis: null},
    marks: [
      gridY({...GRID, ticks: 4}),
      rectY(points, {x1: "x1", x2: "x2", y1: 0, y2: "y", fill: colour(series), fillOpacity: 0.75}),
      theirs.length ? line(stairs(theirs), {x: "x", y: "y", stroke: colour(otherSeries), strokeWidth: 1.3, strokeDasharray: "3 2"}) : null,
      one.length ? line(stairs(one), {x: "x", y: "y", stroke: "var(--ink)", strokeWidth: 1.6}) : null,
      ...xWords(sparse(logTicks(low, high).filter((us) => us >= low && us <= high), place, 52), tick, "latency →"),
      axisY({ticks: 4, tickSize: 0, tickFormat: (value) => `${value} %`, label: null}),
      tipOf(points, {x: "x", y: "y"}, "x"),
    ],
  });
  $("#sheet-histogram-note").textContent = [`Share of requests by latency${round === null ? ", all rounds" : `; the dark line is round ${round}`}.`, ...(theirs.length ? [`Dashed: ${label(otherSeries)}.`] : [])].join(" ");
}

// ---- moving ----

function step(by) {
  const order = orderOf(load(), base());
  const at = order.indexOf(labels().indexOf(state.cell));
  round = null;
  set({cell: label(order[(at + by + order.length) % order.length])});
}

export function startSheet() {
  const dialog = $("#sheet");
  dialog.addEventListener("close", () => {
    if (!state.cell) return;
    state.cell = "";
    writeHash();
    opener?.isConnected && opener.focus();
  });
  dialog.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (event.target === dialog || button?.id === "sheet-close") dialog.close();
    else if (button?.dataset.step) step(Number(button.dataset.step));
  });
  dialog.addEventListener("keydown", (event) => {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!by || event.target.closest("input, select, .scroll")) return;
    event.preventDefault();
    step(by);
  });
}
