// The marks of the series, as figures/palette.py names them: one shape for icons and for charts.

import {D} from "./data.js";
import {svg} from "./dom.js";

const regular = (corners, turn = 0, reach = 6.5) =>
  Array.from({length: corners}, (_, corner) => {
    const angle = (2 * Math.PI * corner) / corners - Math.PI / 2 + turn;
    return [reach * Math.cos(angle), reach * Math.sin(angle)];
  });
const star = (corners, inner = 3, turn = 0) => regular(corners, turn).flatMap((outer, corner) => [outer, regular(corners, turn + Math.PI / corners, inner)[corner]]);
const turned = (points, angle) => points.map(([x, y]) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)]);
const PLUS = [[-2, -6], [2, -6], [2, -2], [6, -2], [6, 2], [2, 2], [2, 6], [-2, 6], [-2, 2], [-6, 2], [-6, -2], [-2, -2]];
const POINTS = {
  s: [[-5, -5], [5, -5], [5, 5], [-5, 5]],
  "^": [[0, -6], [6.5, 5.5], [-6.5, 5.5]],
  v: [[0, 6], [-6.5, -5.5], [6.5, -5.5]],
  "<": [[-6, 0], [5.5, -6.5], [5.5, 6.5]],
  ">": [[6, 0], [-5.5, 6.5], [-5.5, -6.5]],
  D: [[0, -7], [5.5, 0], [0, 7], [-5.5, 0]],
  d: [[0, -7], [3.8, 0], [0, 7], [-3.8, 0]],
  P: PLUS,
  X: turned(PLUS, Math.PI / 4),
  p: regular(5),
  h: regular(6),
  H: regular(6, Math.PI / 6),
  8: regular(8, Math.PI / 8),
  "*": star(5),
  star3: star(3, 2.4, Math.PI),
  star4: star(4, 2.8),
  star6: star(6, 3.2),
  star8: star(8, 3.6),
};
const REACH = 5.5;

export const colour = (series) => `var(--s${series})`;
export const inkOf = (series) => `color-mix(in srgb, ${colour(series)} 70%, var(--ink))`;
const markerOf = (series) => D.series[D.series[series].of ?? series].look[2];
const isHollow = (series) => D.series[series].of !== null || (D.ab && D.series[series].label.endsWith("@old"));
export const fillOf = (series) => (isHollow(series) ? "var(--paper)" : colour(series));
export const dashOf = (series) => (D.ab && isHollow(series) ? "5 3" : null);

function pathOf(marker) {
  const points = POINTS[marker];
  if (!points) return `M0 ${-REACH}A${REACH} ${REACH} 0 1 1 0 ${REACH}A${REACH} ${REACH} 0 1 1 0 ${-REACH}Z`;
  return `M${points.map((point) => point.map((at) => at.toFixed(2)).join(" ")).join("L")}Z`;
}

// A symbol of Observable Plot: it draws into a context, in an area of `size` square pixels.
export const symbolOf = (series) => symbol(markerOf(series));

export function symbol(marker) {
  const points = POINTS[marker];
  return {
    draw(context, size) {
      const scale = Math.sqrt(size / Math.PI) / REACH;
      if (!points) {
        context.moveTo(REACH * scale, 0);
        context.arc(0, 0, REACH * scale, 0, 2 * Math.PI);
        return;
      }
      points.forEach(([x, y], at) => (at ? context.lineTo(x * scale, y * scale) : context.moveTo(x * scale, y * scale)));
      context.closePath();
    },
  };
}

export function icon(series) {
  const shape = svg("path", {d: pathOf(markerOf(series)), fill: fillOf(series), stroke: colour(series), "stroke-width": "1.6"});
  return svg("svg", {viewBox: "-8 -8 16 16", class: "mark", "aria-hidden": "true"}, shape);
}
