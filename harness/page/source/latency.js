// Latency by percentile at the chosen load: x in nines, y logarithmic, and a slider that reads all.

import {$, bold, h, svg as element} from "./dom.js";
import {GRID, endLabels, heightOf, logTicks, marginOf, put, spread, tipOf, widthOf} from "./chart.js";
import {D, cell, label, labels, orderOf} from "./data.js";
import {axisX, dot, gridX, gridY, line, text} from "./library.js";
import {colour, dashOf, fillOf, icon, symbolOf} from "./shapes.js";
import {base, load, set, shownSeries} from "./state.js";
import {valueTable} from "./tables.js";
import {percentile, tick, time} from "./words.js";

const LEAST_HEIGHT = 330, TOP = 14, BOTTOM = 38, LEFT = 56;
const NAMED = [50, 90, 99, 99.9, 99.99];
const nines = (percent) => -Math.log10(1 - percent / 100);
let asked = 99;
let height = LEAST_HEIGHT;

export function drawLatency() {
  const now = D.loads[load()];
  const lines = now.notes.stalls.map((note) => h("div", {}, bold(note, labels())));
  $("#latency-notes").replaceChildren(h("p", {class: "note"}, now.notes.latency), ...(lines.length ? [h("div", {class: "note hot"}, lines)] : []));
  const series = shownSeries().filter((each) => cell(load(), each)?.q.length);
  $(".slider").hidden = !series.length;
  if (series.length) drawCurves(series);
  else {
    $("#latency-plot").replaceChildren(h("p", {class: "note"}, "No percentile is shown: each needs samples beyond it in at least 3 rounds."));
    $("#readout").replaceChildren();
  }
  drawTable();
}

function drawCurves(series) {
  const plotted = $("#latency-plot");
  height = heightOf(series.length, LEAST_HEIGHT);
  const points = series.flatMap((each) => cell(load(), each).q.map((us, at) => ({series: each, percent: D.percents[at], x: nines(D.percents[at]), y: us, text: `${label(each)}\n${percentile(D.percents[at])}: ${time(us)}`})));
  const most = Math.max(...points.map((point) => point.x));
  const ticks = logTicks(Math.min(...points.map((point) => point.y)), Math.max(...points.map((point) => point.y)));
  const [low, high] = [ticks[0], ticks.at(-1)];
  const right = marginOf(series.map(label));
  const width = widthOf(plotted);
  const yPlace = (us) => TOP + (1 - Math.log(us / low) / Math.log(high / low)) * (height - TOP - BOTTOM);
  const xPlace = (x) => LEFT + (x / most) * (width - LEFT - right);
  const ends = series.map((each) => points.findLast((point) => point.series === each)).map((point) => ({...point, text: label(point.series)}));
  const named = NAMED.filter((percent) => nines(percent) <= most + 1e-9);
  const picture = put(plotted, `Latency by percentile at ${D.loads[load()].w}. The table below holds the percentiles.`, {
    height, marginLeft: LEFT, marginRight: right, marginTop: TOP, marginBottom: BOTTOM,
    x: {domain: [0, most], label: null, axis: null},
    y: {type: "log", domain: [low, high], label: null, axis: null},
    marks: [
      gridY(ticks, GRID), gridX(named.map(nines), GRID),
      axisX(named.map(nines), {tickFormat: (_, at) => `${named[at]} %`, tickSize: 0, label: "share of requests answered within this time →", labelAnchor: "right", labelArrow: "none"}),
      text(ticks, {y: (each) => each, frameAnchor: "left", textAnchor: "end", dx: -6, text: tick}),
      ...series.map((each) => line(points.filter((point) => point.series === each), {ariaDescription: String(each), x: "x", y: "y", stroke: colour(each), strokeWidth: 2, strokeDasharray: dashOf(each)})),
      ...series.map((each) => dot(points.filter((point) => point.series === each && NAMED.includes(point.percent)), {ariaDescription: String(each), x: "x", y: "y", fill: fillOf(each), stroke: fillOf(each) === colour(each) ? "var(--paper)" : colour(each), strokeWidth: 1.1, symbol: symbolOf(each), r: 4.4})),
      endLabels(ends, endPlaces(ends, yPlace, xPlace)),
      tipOf(points, {x: "x", y: "y", maxRadius: 50}),
    ],
  }, (point) => set({cell: label(point.series)}));
  picture.addEventListener("input", () => picture.value && read(picture.value.percent, xPlace, picture));
  const slider = $("#percentile");
  slider.max = String(D.percents.findLastIndex((percent) => nines(percent) <= most + 1e-9));
  slider.oninput = () => read(D.percents[Number(slider.value)], xPlace, picture);
  read(Math.min(asked, D.percents[Number(slider.max)]), xPlace, picture);
}

// Labels of lines that end near each other share the room; others cannot collide.
function endPlaces(ends, yPlace, xPlace) {
  const places = [];
  const groups = Map.groupBy(ends.map((_, at) => at), (at) => Math.round(xPlace(ends[at].x) / 60));
  for (const group of groups.values()) {
    spread(group.map((at) => yPlace(ends[at].y)), TOP, height - BOTTOM).forEach((place, at) => (places[group[at]] = place));
  }
  return places;
}

function read(percent, xPlace, picture) {
  asked = percent;
  const place = D.percents.indexOf(percent);
  const slider = $("#percentile");
  slider.value = String(place);
  slider.setAttribute("aria-valuetext", `${percent} percent`);
  const x = xPlace(nines(percent));
  $(".cross", picture)?.remove();
  picture.append(element("line", {class: "cross", stroke: "var(--muted)", "stroke-dasharray": "2 3", x1: x, x2: x, y1: TOP, y2: height - BOTTOM}));
  const found = shownSeries().filter((each) => cell(load(), each)).map((each) => [each, cell(load(), each).q[place]]);
  found.sort(([, one], [, other]) => (one ?? Infinity) - (other ?? Infinity));
  $("#readout").replaceChildren(h("b", {}, percentile(percent)), ...found.map(([each, us]) => h("span", {}, icon(each), `${label(each)} ${us === undefined ? "– (too few samples)" : time(us)}`)));
}

function drawTable() {
  const rows = orderOf(load(), base()).map((each) => [label(each), ...cell(load(), each).p, time(cell(load(), each).q[D.percents.indexOf(90)])]);
  valueTable($("#latency-table"), ["server", "p50 [95 %]", "p99 [95 %]", "p99.9 [95 %]", "p90"], rows, "Medians over rounds.");
}
