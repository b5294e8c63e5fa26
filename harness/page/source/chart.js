// What the charts share: putting a picture into the page, labels at the ends of lines, ticks.

import {$$} from "./dom.js";
import {axisY, gridY, plot, pointer, pointerX, ruleY, text, tip} from "./library.js";
import {inkOf} from "./shapes.js";

const STYLE = {fontSize: "12px", background: "transparent", color: "var(--ink)"};
const TIP = {fontSize: 12, lineHeight: 1.25, fill: "var(--paper)", stroke: "var(--line)", textPadding: 7, preferredAnchor: "bottom"};
const LEAST_WIDTH = 240;
const LABEL_HEIGHT = 13.5;

// Room for the names at the ends of so many lines.
export const heightOf = (lines, least) => Math.max(least, Math.ceil(LABEL_HEIGHT * lines) + 60);
export const GRID = {stroke: "var(--line)", strokeOpacity: 1};
export const widthOf = (element) => Math.max(LEAST_WIDTH, Math.floor(element.getBoundingClientRect().width));
export const marginOf = (labels) => 12 + Math.min(110, 7.2 * Math.max(0, ...labels.map((label) => label.length)));

// Draws into `element`; `name` is what a screen reader says, since a table holds the values.
// `open` gets the point below a click, or below the second of two taps on it.
export function put(element, name, options, open) {
  const svg = plot({width: widthOf(element), style: STYLE, color: {type: "identity"}, symbol: {type: "identity"}, ...options});
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", name);
  for (const group of $$("[aria-label], [aria-description]", svg)) {
    if (group.hasAttribute("aria-description")) group.dataset.series = group.getAttribute("aria-description");
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-description");
  }
  element.replaceChildren(svg);
  element.classList.toggle("open-cell", Boolean(open));
  if (open) {
    let tapped;
    svg.addEventListener("click", (event) => {
      const point = svg.value;
      const first = event.pointerType === "touch" && tapped !== point;
      tapped = point;
      if (point && !first) open(point);
    });
  }
  return svg;
}

export const tipOf = (points, options, only = "") => tip(points, (only === "x" ? pointerX : pointer)({title: "text", maxRadius: 60, ...options, ...TIP}));

// Moves places down, then up, until no two are nearer than a line of text.
export function spread(places, low, high) {
  const order = places.map((place, number) => ({place, number})).sort((one, other) => one.place - other.place);
  for (let at = 1; at < order.length; at++) order[at].place = Math.max(order[at].place, order[at - 1].place + LABEL_HEIGHT);
  if (order.length && order.at(-1).place > high) {
    order.at(-1).place = high;
    for (let at = order.length - 2; at >= 0; at--) order[at].place = Math.min(order[at].place, order[at + 1].place - LABEL_HEIGHT);
  }
  const found = [];
  for (const {place, number} of order) found[number] = Math.max(low, place);
  return found;
}

// Names at the ends of lines. `ends` have x, y, series and text; `places` are their heights.
export function endLabels(ends, places) {
  return text(ends, {
    x: "x", y: "y", text: "text", dx: 8, textAnchor: "start", fontWeight: 600,
    render(index, scales, values, dimensions, context, next) {
      const group = next(index, scales, values, dimensions, context);
      [...group.children].forEach((child, at) => {
        const end = index[at];
        child.setAttribute("transform", `translate(${values.x[end]},${places[end]})`);
        child.setAttribute("aria-description", ends[end].series);
        child.style.fill = inkOf(ends[end].series);
      });
      return group;
    },
  });
}

// Marks for a logarithmic axis, on which Plot would name powers of ten only.
export function logTicks(low, high) {
  const factors = high / low > 300 ? [1] : high / low > 30 ? [1, 3] : [1, 2, 5];
  const found = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of factors) found.push(Number((factor * 10 ** power).toPrecision(2)));
  }
  const first = found.findLast((tick) => tick <= low) ?? found[0];
  const last = found.find((tick) => tick >= high) ?? found.at(-1);
  return found.filter((tick) => tick >= first && tick <= last);
}

// The ticks that leave room for their words: `place` gives pixels, the first and last win.
export function sparse(ticks, place, width) {
  const kept = [];
  for (const tick of ticks) {
    if (kept.length && place(tick) - place(kept.at(-1)) < width) {
      if (tick === ticks.at(-1) && kept.length > 1) kept.pop();
      else continue;
    }
    kept.push(tick);
  }
  return kept;
}

export const xWords = (ticks, words, title) => [
  text(ticks, {x: (tick) => tick, text: words, frameAnchor: "bottom", dy: 14}),
  text([title], {frameAnchor: "bottom-right", dy: 29, textAnchor: "end"}),
];

export const linearY = (format) => [gridY({...GRID, ticks: 5}), axisY({ticks: 5, tickSize: 0, tickFormat: format, label: null}), ruleY([0], {stroke: "var(--muted)"})];
