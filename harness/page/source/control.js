// The same program measured twice: the ratio at each load shows the noise of the method.

import {$, h} from "./dom.js";
import {GRID, put, tipOf} from "./chart.js";
import {D} from "./data.js";
import {axisX, axisY, dot, gridX, rect, ruleX, ruleY} from "./library.js";
import {showLoad} from "./state.js";
import {valueTable} from "./tables.js";
import {signedPercent} from "./words.js";

const MOST = 60;

export function makeControls() {
  $("#controls").replaceChildren(...D.controls.filter((control) => control.rows.length).map((control) => h("figure", {}, h("p", {class: "plot-title"}, `${control.t}: one program, measured twice`),
    h("div", {class: "tall", tabindex: "0", role: "group", "aria-label": control.t}, h("div", {class: "plot"})), h("details", {class: "behind"}, h("summary", {}, "Table: control"), h("div")))));
}

export function drawControls() {
  D.controls.filter((control) => control.rows.length).forEach((control, at) => drawControl($("#controls").children[at], control));
}

function drawControl(figure, control) {
  const percent = (ratio) => (ratio === null ? null : (ratio - 1) * 100);
  const points = control.rows.map(([number, ratio, low, high, text]) => ({number, name: D.loads[number].w, y: percent(ratio), low: percent(low), high: percent(high), text: `${D.loads[number].w}\n${text}`}));
  const reach = Math.min(MOST, Math.max(10, ...points.flatMap((point) => [point.y, point.low, point.high]).map((value) => Math.abs(value ?? 0))));
  const narrow = figure.getBoundingClientRect().width < 500;
  const words = points.map((point) => (narrow ? point.name.replace(/ connections?/, "") : point.name));
  put($(".plot", figure), `${control.t} at each load. The table below holds the values.`, {
    height: 22 * points.length + 36, marginLeft: 12 + 6.6 * Math.max(...words.map((word) => word.length)), marginRight: 26, marginTop: 2, marginBottom: 34,
    y: {domain: points.map((point) => point.name), label: null, axis: null},
    x: {domain: [-reach, reach], label: null, axis: null, clamp: true},
    marks: [
      rect([0], {x1: 100 * (1 / (1 + D.margin) - 1), x2: 100 * D.margin, fill: "var(--band)"}),
      gridX({...GRID, ticks: 6}),
      axisX({ticks: narrow ? 3 : 6, tickSize: 0, tickFormat: signedPercent, label: `${control.t} →`, labelAnchor: "right", labelArrow: "none"}),
      axisY({tickSize: 0, label: null, tickFormat: (_, at) => words[at]}),
      ruleX([0], {stroke: "var(--muted)"}),
      ruleY(points.filter((point) => point.low !== null), {y: "name", x1: "low", x2: "high", stroke: "var(--link)", strokeWidth: 2}),
      dot(points, {x: "y", y: "name", fill: "var(--link)", stroke: "var(--paper)", r: 4.5}),
      tipOf(points, {x: "y", y: "name"}),
    ],
  }, (point) => showLoad(point.number));
  valueTable($("details div", figure), ["load", `${control.t} [${D.level}]`], control.rows.map(([number, , , , text]) => [D.loads[number].w, text]), "");
}
