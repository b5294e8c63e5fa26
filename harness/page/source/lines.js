// The charts by load: a line for each series, by connections or by offered rate.

import {$, $$, h} from "./dom.js";
import {GRID, endLabels, heightOf, linearY, logTicks, marginOf, put, sparse, spread, tipOf, widthOf, xWords} from "./chart.js";
import {D, FASTEST, baseOf, cell, label, view} from "./data.js";
import {dot, gridY, line, rect, ruleX, text} from "./library.js";
import {colour, dashOf, fillOf, symbolOf} from "./shapes.js";
import {base, load, showLoad, shownSeries, state} from "./state.js";
import {valueTable} from "./tables.js";
import {number, signedPercent, tick, time} from "./words.js";

const LEAST_HEIGHT = 290, TOP = 12, BOTTOM = 36, LEFT = 54;
const UNITS = {rate: "requests/s", cpu: "µs of CPU per request", p99: "response p99"};
const DODGE = 0.012, MOST_DODGE = 0.06;
const format = {rate: number, cpu: number, p99: time};

const isRatio = (chart) => state.view === "ratio" && chart.y !== "p99";

// The value of a series at a load: [value, low, high], as a ratio in percent.
function valueAt(chart, number, series) {
  const found = cell(number, series);
  if (!found) return null;
  if (!isRatio(chart)) return chart.y === "p99" ? found.p99 : found.y;
  const row = view(number, base()).find((each) => each[0] === series);
  return row && row[1] !== null ? [row[1], row[2], row[3]].map((ratio) => (ratio === null ? null : (ratio - 1) * 100)) : null;
}

function pointsOf(chart, width) {
  const series = shownSeries();
  const log = chart.x === "connections";
  const dodge = Math.min(DODGE, MOST_DODGE / series.length);
  const reach = log ? Math.log(chart.at.at(-1) / chart.at[0]) : chart.at.at(-1) - chart.at[0];
  return series.flatMap((each, place) => chart.l.flatMap((number, at) => {
    const found = valueAt(chart, number, each);
    if (!found) return [];
    const shift = (place - (series.length - 1) / 2) * dodge * reach * Math.min(1, 500 / width);
    const x = log ? chart.at[at] * Math.exp(shift) : chart.at[at] + shift;
    return [{series: each, number, x, y: found[0], low: found[1], high: found[2] ?? found[1], text: pointText(chart, number, each, found), ok: cell(number, each).ok}];
  }));
}

function pointText(chart, number, series, found) {
  const value = chart.y === "p99" ? time(found[0]) : `${cell(number, series).t} ${UNITS[chart.y]}`;
  const row = view(number, base()).find((each) => each[0] === series);
  const over = row && row[6] !== "base" && row[6] !== "control" ? [`${row[4]} to ${label(D.ab ? view(number, FASTEST).find((each) => each[6] === "base")?.[0] : baseOf(number, base()))}: ${row[5]}`] : [];
  return [`${label(series)}, ${D.loads[number].w}`, value, ...(D.ab ? (row ? [row[4], row[5]] : []) : over), ...(cell(number, series).ok ? [] : [cell(number, series).why])].join("\n");
}

function domainOf(charts) {
  const points = charts.flatMap((chart) => pointsOf(chart, 500));
  const ends = points.flatMap((point) => [point.y, point.low, point.high]).filter((value) => value !== null && value !== undefined);
  if (isRatio(charts[0])) {
    const typical = points.map((point) => Math.abs(point.y));
    const most = Math.max(10, 2.5 * Math.max(0, ...typical));
    return [Math.max(-100, -most, Math.min(-10, ...ends)), Math.min(most, Math.max(10, ...ends))];
  }
  const values = points.map((point) => point.y);
  if (charts[0].y === "p99") {
    const ticks = values.length ? logTicks(Math.min(...values), Math.max(...values)) : [1, 10];
    return [ticks[0], ticks.at(-1)];
  }
  return [0, Math.min(Math.max(1, ...ends), 1.5 * Math.max(1, ...values)) * 1.02];
}

export function drawLines() {
  const section = $("#load-charts");
  section.hidden = !D.charts.some((chart) => chart.l.some((number) => D.cells[number].some((each) => each?.y)));
  if (section.hidden) return;
  const domains = Object.fromEntries(Object.keys(UNITS).map((y) => [y, D.charts.filter((chart) => chart.y === y)]).filter(([, charts]) => charts.length).map(([y, charts]) => [y, domainOf(charts)]));
  const figures = $$("#charts figure");
  D.charts.forEach((chart, at) => drawLine(figures[at], chart, domains[chart.y]));
  for (const button of $$(".segments button", section)) button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  const over = D.ab ? "the old build" : state.b || "the leader at each load";
  $("#charts-note").textContent = state.view === "ratio" ? `Ratio to ${over}. Shaded: within ${100 * D.margin} %. Bars: the intervals that decide.` : "Medians with 95 % intervals. The shaded column is the chosen load. Hollow: not valid.";
  drawTable();
}

export function makeFigures() {
  $("#charts").replaceChildren(...D.charts.map((chart) => h("figure", {}, h("p", {class: "plot-title"}), h("div", {class: "plot"}))));
  $(".segments [data-view=value]").textContent = D.charts.every((chart) => chart.y === "rate") ? "requests/s" : "value";
}

function drawLine(figure, chart, domain) {
  const element = $(".plot", figure);
  $(".plot-title", figure).textContent = `${chart.t}: ${isRatio(chart) ? "ratio of " : ""}${UNITS[chart.y]}`;
  const width = widthOf(element), height = heightOf(shownSeries().length, LEAST_HEIGHT);
  const points = pointsOf(chart, width);
  const ratio = isRatio(chart), log = chart.y === "p99", byConnections = chart.x === "connections";
  const right = marginOf(shownSeries().map(label));
  const first = chart.at[0], last = chart.at.at(-1);
  const xDomain = byConnections ? [first / (last / first) ** 0.04, last * (last / first) ** 0.04] : [first - 0.04 * (last - first), last + 0.04 * (last - first)];
  const xPlace = (value) => LEFT + (width - LEFT - right) * (byConnections ? Math.log(value / xDomain[0]) / Math.log(xDomain[1] / xDomain[0]) : (value - xDomain[0]) / (xDomain[1] - xDomain[0]));
  const share = (value) => (log ? Math.log(value / domain[0]) / Math.log(domain[1] / domain[0]) : (value - domain[0]) / (domain[1] - domain[0]));
  const yPlace = (value) => TOP + (1 - share(value)) * (height - TOP - BOTTOM);
  const ends = shownSeries().map((series) => points.findLast((point) => point.series === series)).filter(Boolean).map((point) => ({...point, x: xDomain[1], text: label(point.series)}));
  const xTicks = sparse(chart.at, xPlace, 8 * String(last).length + 8);
  const shownAt = chart.at.filter((_, at) => chart.l[at] === load());
  const yTicks = log ? logTicks(domain[0], domain[1]) : [];
  put(element, `${chart.t}: ${ratio ? "ratio to the baseline" : UNITS[chart.y]} by ${byConnections ? "connections" : "offered rate"}. The table below holds every value.`, {
    height, marginLeft: LEFT, marginRight: right, marginTop: TOP, marginBottom: BOTTOM,
    x: {type: byConnections ? "log" : "linear", domain: xDomain, label: null, axis: null},
    y: {type: log ? "log" : "linear", domain, label: null, axis: null, clamp: true},
    marks: [
      ruleX(shownAt, {stroke: "var(--band)", strokeWidth: Math.min(40, 0.7 * (width - LEFT - right) / chart.at.length)}),
      ratio ? rect([0], {y1: 100 * (1 / (1 + D.margin) - 1), y2: 100 * D.margin, fill: "var(--band)"}) : null,
      ...(log ? [gridY(yTicks, GRID), text(yTicks, {y: (each) => each, frameAnchor: "left", textAnchor: "end", dx: -6, text: tick})] : linearY(ratio ? signedPercent : (value) => value.toLocaleString("en"))),
      ...xWords(xTicks, (value) => (byConnections ? value.toLocaleString("en") : `${value} %`), byConnections ? "connections →" : "of the lowest peak →"),
      ...shownSeries().flatMap((series) => {
        const own = points.filter((point) => point.series === series), more = {ariaDescription: String(series)};
        return [
          ruleX(own.filter((point) => point.low !== null && point.low !== undefined), {...more, x: "x", y1: "low", y2: "high", stroke: colour(series), strokeWidth: 1.2, strokeOpacity: 0.55, clip: true}),
          line(own, {...more, x: "x", y: "y", stroke: colour(series), strokeWidth: 1.9, strokeDasharray: dashOf(series)}),
          dot(own, {...more, x: "x", y: "y", fill: (point) => (point.ok ? fillOf(series) : "var(--paper)"), stroke: (point) => (point.ok && fillOf(series) === colour(series) ? "var(--paper)" : colour(series)), strokeWidth: 1.1, symbol: symbolOf(series), r: 4.6}),
        ];
      }),
      endLabels(ends, spread(ends.map((end) => yPlace(end.y)), TOP, height - BOTTOM)),
      tipOf(points, {x: "x", y: "y"}),
    ],
  }, (point) => showLoad(point.number, {cell: label(point.series)}));
}

function drawTable() {
  const charts = D.charts.filter((chart) => !isRatio(chart));
  const loads = [...new Set((charts.length ? charts : D.charts).flatMap((chart) => chart.l))].sort((one, other) => one - other);
  const series = shownSeries();
  valueTable($("#charts-table"), ["load", ...series.map(label)], loads.map((number) => [
    D.loads[number].w,
    ...series.map((each) => (cell(number, each) ? cell(number, each).t + (D.loads[number].cpu ? ` µs, p99 ${cell(number, each).p[1]}` : "") : "–")),
  ]), `Medians with 95 % intervals: ${UNITS.rate}, at an offered rate ${UNITS.cpu}.`);
}
