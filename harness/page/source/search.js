// The page of a tuning or of an SLO search. report/search_charts.py says what its charts show.

import {GRID, linearY, logTicks, put, sparse, tipOf, widthOf, xWords} from "./chart.js";
import {D, loadData, unpacked} from "./data.js";
import {$, $$, h} from "./dom.js";
import {chip, startHighlight, startTheme} from "./frame.js";
import {dot, gridY, line, ruleX, ruleY, text} from "./library.js";
import {colour, symbol, symbolOf} from "./shapes.js";
import {makeSortable} from "./tables.js";
import {tick} from "./words.js";

const HEIGHT = 330, TOP = 12, BOTTOM = 38, LEFT = 62, RIGHT = 16, BAR = 5;
const REDRAW_MS = 120;
const FORMATS = {count: (value) => value.toLocaleString("en"), time: tick, percent: (share) => `${100 * share} %`};
const hidden = new Set();

const inside = (axis, value) => value >= axis.d[0] && value <= axis.d[1];
const ticksOf = (axis) => axis.at ?? (axis.k === "log" ? logTicks(...axis.d).filter((value) => inside(axis, value)) : null);
const shown = (marks) => marks.filter(([series]) => !hidden.has(series));

function place(axis, value, from, to) {
  const [low, high] = axis.d;
  const share = axis.k === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return from + share * (to - from);
}

function yMarks(axis) {
  const at = ticksOf(axis), format = FORMATS[axis.u];
  if (!at) return linearY(format);
  const kept = sparse(at, (value) => place(axis, value, 0, HEIGHT - TOP - BOTTOM), 16);
  return [gridY(kept, GRID), text(kept, {y: (value) => value, frameAnchor: "left", textAnchor: "end", dx: -6, text: format})];
}

function rule([axis, value, words]) {
  const style = {stroke: "var(--open)", strokeDasharray: "4 3"};
  return axis === "x"
    ? [ruleX([value], style), text([value], {x: value, frameAnchor: "bottom-left", text: [words], rotate: -90, dx: -7, dy: -6, textAnchor: "start", fill: "var(--muted)"})]
    : [ruleY([value], style), text([value], {y: value, frameAnchor: "left", text: [words], dx: 4, dy: -8, textAnchor: "start", fill: "var(--muted)"})];
}

function marksOf(series, points) {
  const more = {ariaDescription: String(series)};
  const style = (point) => ({full: [colour(series), "var(--paper)"], hollow: ["var(--paper)", colour(series)], missed: [colour(series), "var(--paper)"]})[point.style];
  const rings = points.flatMap((point) => Array.from({length: point.rings}, (_, ring) => ({...point, r: 8 + 3 * ring})));
  return [
    ruleX(points.filter((point) => point.low !== null), {...more, x: "x", y1: "low", y2: (point) => point.high ?? Number.MAX_VALUE, stroke: colour(series), strokeWidth: 1.3, strokeOpacity: 0.6}),
    dot(points, {...more, x: "x", y: "y", r: "r", symbol: (point) => (point.style === "missed" ? symbol("X") : symbolOf(series)), fill: (point) => style(point)[0], stroke: (point) => style(point)[1], strokeWidth: 1.2}),
    dot(rings, {...more, x: "x", y: "y", r: "r", stroke: "var(--ink)", strokeWidth: 1}),
  ];
}

function draw() {
  D.charts.forEach((chart, at) => drawChart($$("#charts .plot")[at], chart));
}

function drawChart(element, chart) {
  const points = shown(chart.points).map(([series, x, y, low, high, style, rings, r, words]) => ({series, x, y, low, high, style, rings, r, text: words}));
  const width = widthOf(element);
  const format = FORMATS[chart.x.u];
  const xTicks = ticksOf(chart.x) ?? [];
  const widest = Math.max(0, ...xTicks.map((value) => format(value).length));
  const kept = sparse(xTicks, (value) => place(chart.x, value, LEFT, width - RIGHT), 7 * widest + 8);
  put(element, `${chart.name} The table below holds the values.`, {
    height: HEIGHT, marginLeft: LEFT, marginRight: RIGHT, marginTop: TOP, marginBottom: BOTTOM, r: {type: "identity"},
    x: {type: chart.x.k, domain: chart.x.d, label: null, axis: null, clamp: true},
    y: {type: chart.y.k, domain: chart.y.d, label: null, axis: null, clamp: true},
    marks: [
      ...yMarks(chart.y),
      ...xWords(kept, format, `${chart.x.t} →`),
      ...chart.rules.flatMap(rule),
      ...shown(chart.bars).map(([series, low, high, y]) => ruleY([y], {ariaDescription: String(series), x1: low, x2: high, stroke: colour(series), strokeWidth: BAR, strokeOpacity: 0.5})),
      ...shown(chart.lines).map(([series, path]) => line(path, {ariaDescription: String(series), stroke: colour(series), strokeWidth: 1.7})),
      ...D.series.flatMap((_, series) => marksOf(series, points.filter((point) => point.series === series))),
      tipOf(points, {x: "x", y: "y"}),
    ],
  });
}

function makeChips() {
  const chips = $("#chips");
  chips.hidden = D.series.length < 2;
  chips.replaceChildren(...D.series.map((_, series) => chip(series)));
  chips.addEventListener("click", (event) => {
    const found = event.target.closest(".chip");
    if (!found) return;
    const series = Number(found.dataset.series);
    if (!hidden.delete(series)) hidden.add(series);
    if (hidden.size === D.series.length) hidden.delete(series);
    found.setAttribute("aria-pressed", String(!hidden.has(series)));
    draw();
  });
}

function redrawWhenResized() {
  let width = innerWidth, timer;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(draw, REDRAW_MS);
  });
}

async function start() {
  startTheme();
  for (const table of $$("table.sortable")) makeSortable(table);
  $(".tools").hidden = false;
  if (typeof DecompressionStream !== "function") return;
  const library = h("script", {});
  library.textContent = await unpacked("plot");
  document.head.append(library);
  await loadData();
  $("#drawn").hidden = false;
  $("#static").hidden = true;
  makeChips();
  $("#charts").replaceChildren(...D.charts.map((chart) => h("figure", {}, h("p", {class: "plot-title"}, chart.t), h("div", {class: "plot"}))));
  draw();
  startHighlight();
  redrawWhenResized();
  addEventListener("beforeprint", () => $$("details").forEach((details) => (details.open = true)));
  document.documentElement.dataset.drawn = "";
}

start();
