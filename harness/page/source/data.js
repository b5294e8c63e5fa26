// The data of the page (report/page_data.py), and looking things up in it.

import {$} from "./dom.js";

const FORMAT = 1;
export const FASTEST = "-";
export const D = {};

// The text of an element that holds base64 of a deflate stream.
export async function unpacked(id) {
  const bytes = Uint8Array.from(atob($(`#${id}`).textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}

export async function loadData() {
  const data = JSON.parse(await unpacked("data"));
  if (data.format !== FORMAT) throw new Error(`format ${data.format} is not ${FORMAT}`);
  Object.assign(D, data);
}

export const label = (series) => D.series[series].label;
export const labels = () => D.series.map((each) => each.label);
export const isControl = (series) => D.series[series].of !== null;
export const ranked = () => D.series.map((_, series) => series).filter((series) => !isControl(series));
export const cell = (load, series) => D.cells[load][series];

// The ranked list of a load over a baseline; over the fastest where that has no figure.
export const view = (load, base) => D.loads[load].views[base] ?? D.loads[load].views[FASTEST] ?? [];
export const hasBase = (load, base) => base in D.loads[load].views;
export const baseOf = (load, base) => view(load, base).find((row) => row[6] === "base")?.[0];
export const leader = (load) => D.loads[load].views[FASTEST]?.[0]?.[0];

// The build that a build is compared with, else the baseline; for its own baseline the next in rank.
export function otherOf(load, series, base) {
  if (D.ab) {
    const at = D.loads[load].views[FASTEST].findIndex((row) => row[0] === series);
    return at < 0 ? undefined : D.loads[load].views[FASTEST][at ^ 1][0];
  }
  const rows = view(load, base).filter((row) => row[6] !== "control");
  const found = isControl(series) ? D.series[series].of : baseOf(load, base);
  return found === series ? rows.find((row) => row[0] !== series)?.[0] : found;
}

export const orderOf = (load, base) => {
  const rows = view(load, base).map((row) => row[0]);
  return [...rows, ...D.series.map((_, series) => series).filter((series) => !rows.includes(series) && cell(load, series))];
};

export const loadAt = (connections, panel) => D.loads.findIndex((load) => load.c === connections && load.p === panel);

// The lines of cells.csv: its head, and those of one load.
export function csvLines(load) {
  const [head, ...rows] = D.csv.trimEnd().split("\n");
  const sizes = D.cells.map((cells) => cells.filter(Boolean).length);
  const start = sizes.slice(0, load).reduce((sum, size) => sum + size, 0);
  return [head, ...rows.slice(start, start + sizes[load])];
}
