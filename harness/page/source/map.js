// The load map: who leads at which load, and the choice of a load, in one set of radio buttons.

import {$, $$, h} from "./dom.js";
import {D, loadAt} from "./data.js";
import {load, showLoad} from "./state.js";
import {colour, icon} from "./shapes.js";

const MANY = 6;

export function drawMap() {
  const connections = [...new Set(D.loads.map((each) => each.c))].sort((one, other) => one - other);
  const rows = D.panels.map((panel, number) =>
    h("tr", {}, h("th", {scope: "row", class: "side", title: panel.w}, panel.short), connections.map((each) => h("td", {}, tile(loadAt(each, number))))));
  const heads = connections.map((each) => h("th", {scope: "col"}, each.toLocaleString("en")));
  $("#map").replaceChildren(h("table", {class: connections.length > MANY ? "map many" : "map"},
    h("caption", {class: "unseen"}, "The leader at each load; choose a load"), h("thead", {}, h("tr", {}, h("td"), heads)), h("tbody", {}, rows)));
  $("#map").addEventListener("change", (event) => showLoad(Number(event.target.value)));
}

// A long name breaks after an underscore.
const broken = (name) => name.split(/(?<=_)/).flatMap((part, at) => (at ? [h("wbr"), part] : [part]));

function tile(number) {
  if (number < 0) return null;
  const {w, v, tile: [style, series, text]} = D.loads[number];
  const single = style === "win" || style === "likely";
  const inside = single ? [h("b", {}, broken(D.series[series[0]].label)), h("span", {}, text)] : [h("span", {class: "marks"}, series.slice(0, 8).map(icon)), h("span", {class: "muted"}, text)];
  return h("label", {title: w}, h("input", {type: "radio", name: "load", value: number, "aria-label": `${w}: ${v}`}),
    h("span", {class: `tile ${style}`, style: single ? `--c: ${colour(series[0])}` : null, "aria-hidden": "true"}, inside));
}

export function markTile() {
  for (const input of $$("#map input")) input.checked = Number(input.value) === load();
}
