// What is shown, all of it in the hash, so that a link shows what its sender saw.
//
// c, s: connections and panel of the load; b: the baseline's label; hide: labels; view: value or
// ratio; cell: the label of the open cell.

import {D, FASTEST, labels, loadAt, ranked} from "./data.js";

const EMPTY = {c: null, s: null, b: "", hide: "", view: "value", cell: ""};
export const state = {...EMPTY};
const listeners = [];

export const onChange = (listener) => listeners.push(listener);
export const load = () => loadAt(Number(state.c), D.panels.findIndex((panel) => panel.s === state.s));
export const base = () => (state.b ? String(labels().indexOf(state.b)) : FASTEST);
export const hidden = () => new Set(state.hide.split(",").filter(Boolean).map(decoded));
export const shownSeries = () => ranked().filter((series) => !hidden().has(labels()[series]));

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch { // somebody edited the link
    return text;
  }
}

const keyOf = (number) => ({c: String(D.loads[number].c), s: D.panels[D.loads[number].p].s});

// Returns the section that a link names, as in #latency.
export function readHash() {
  const text = location.hash.slice(1);
  const found = text.includes("=") ? Object.fromEntries(new URLSearchParams(text)) : {};
  Object.assign(state, EMPTY, keyOf(D.first), found);
  if (load() < 0) Object.assign(state, keyOf(D.first));
  if (!D.baselines.some((series) => labels()[series] === state.b)) state.b = "";
  if (!labels().includes(state.cell)) state.cell = "";
  if (state.view !== "ratio") state.view = "value";
  return text && !text.includes("=") ? text : "";
}

export function writeHash() {
  const changed = Object.entries({...state}).filter(([name, value]) => name in EMPTY && value && value !== EMPTY[name]);
  history.replaceState(null, "", `#${new URLSearchParams(changed)}`);
}

export function set(change) {
  Object.assign(state, change);
  writeHash();
  for (const listener of listeners) listener(Object.keys(change));
}

export const showLoad = (number, more = {}) => set({...keyOf(number), ...more});

export function toggle(name) {
  const names = hidden();
  if (!names.delete(name)) names.add(name);
  if (names.size < ranked().length) set({hide: [...names].map(encodeURIComponent).join(",")}); // a label may have commas
}
