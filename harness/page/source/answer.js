// The answer at the chosen load: badge, verdict, next command, ranked list, number of threads.

import {$, bold, command, h} from "./dom.js";
import {D, baseOf, cell, hasBase, label, labels, view} from "./data.js";
import {base, load, state} from "./state.js";
import {colour, icon} from "./shapes.js";
import {NOTHING} from "./words.js";

const BADGES = {clear: ["clear", "✓ clear"], likely: ["likely", "likely"], equal: ["equal", "≈ equal"], "not decided": ["open", "? not decided"], provisional: ["open", "? provisional"], "one server": ["one", "one server"], "no figure": ["none", "✕ no figure"]};
const ROOM = 1.02;
const LONG = 14;
const MANY = 9;

export function drawAnswer() {
  const now = D.loads[load()];
  const [style, text] = BADGES[now.badge];
  $("#badge").className = `badge ${style}`;
  $("#badge").textContent = text;
  $("#load-words").textContent = now.w;
  $("#verdict").replaceChildren(...bold(now.v, labels()));
  $("#next").hidden = !now.next;
  if (now.next) {
    $("#command").replaceChildren(...command(now.next[0]));
    $("#takes").textContent = now.next[1];
  }
  $("#tune").hidden = !now.tune;
  $("#tune-command").replaceChildren(...command(now.tune ?? ""));
  drawRanking(now);
}

function drawRanking(now) {
  const rows = view(load(), base());
  const most = Math.max(1.05, ...rows.map((row) => row[1] ?? 0));
  const longest = Math.min(Math.max(most, ...rows.map((row) => row[3] ?? 0)), 1.7 * most) * ROOM;
  const first = baseOf(load(), base());
  const over = first === undefined ? "" : `, and the ratio to ${label(first)}`;
  $("#answer").classList.toggle("many", rows.length + now.rest.length > MANY);
  const missing = state.b && !hasBase(load(), base());
  const unit = now.cpu ? "CPU time per request" : "Requests per second";
  const shorter = now.cpu ? " Shorter is better." : "";
  $("#ranking").replaceChildren(
    h("caption", {}, `${unit}${over}.${shorter} Whisker inside the shaded band: equal within ${100 * D.margin} %.`,
      missing ? h("b", {}, ` ${state.b} has no figure at this load, so ratios are to the leader.`) : null),
    head(now, first),
    h("tbody", {}, rows.map((row) => rankRow(now, row, longest)), now.rest.map(restRow(now))),
  );
}

function head(now, first) {
  const cell = (text, attributes = {}) => h("th", {scope: "col", ...attributes}, text);
  return h("thead", {}, h("tr", {}, cell("model"), cell(h("span", {class: "unseen"}, "bar"), {class: "bar"}), cell(now.cpu ? "µs CPU" : "requests/s", {class: "right"}),
    cell(first === undefined ? "ratio" : `to ${label(first)}`, {class: "right"}), cell("how sure")));
}

// Where costs are compared, the switches of a request stand next to the settings.
function nameCell(series, now) {
  const switches = now.cpu ? cell(load(), series)?.w[1] : undefined;
  const notes = [D.series[series].note, switches && switches !== NOTHING ? `${switches} switches` : ""].filter(Boolean);
  return h("th", {scope: "row"}, h("button", {class: label(series).length > LONG ? "name long" : "name", "data-cell": series}, icon(series), label(series)),
    notes.length ? h("span", {class: "setting"}, notes.join(", ")) : null);
}

function rankRow(now, [series, ratio, low, high, text, how, style], longest) {
  const [change, interval] = text.split(/ (?=\[)/);
  const best = style === "base" && state.b === "" && ["clear", "equal"].includes(now.badge) ? now.badge : style;
  const isPale = style === "control";
  return h("tr", {class: isPale ? "pale" : null, "data-series": series}, nameCell(series, now), h("td", {class: "bar"}, track(series, ratio, low, high, longest)),
    h("td", {class: "right value"}, now.value[series]), h("td", {class: "right ratio"}, style === "base" ? h("span", {class: "interval"}, change) : change, interval ? h("span", {class: "interval"}, ` ${interval}`) : null),
    h("td", {class: "how"}, h("span", {class: `badge ${best}`}, how)));
}

function track(series, ratio, low, high, longest) {
  const at = (value) => `${((100 * value) / longest).toFixed(2)}%`;
  const part = (name, from, to) => h("span", {class: name, style: `left: ${at(from)}; width: ${at(Math.max(0, to - from))}`});
  const end = high === null ? longest : Math.min(high, longest);
  const equal = 1 + D.margin;
  return h("div", {class: "track", style: `--c: ${colour(series)}`, "aria-hidden": "true"},
    part("band", 1 / equal, equal), ratio === null ? null : part("fill", 0, ratio), h("span", {class: "one", style: `left: ${at(1)}`}),
    low === null ? null : [part("halo", low, Math.min(ratio, end)), part(end === high ? "whisker" : "whisker beyond", low, end)]);
}

const restRow = (now) => ([series, style, value, reason, how]) =>
  h("tr", {class: `pale ${style}`, "data-series": series}, nameCell(series, now), h("td", {class: "bar"}, h("div", {class: "track", "aria-hidden": "true"})),
    style === "bound" ? [h("td", {class: "right value"}, value), h("td", {class: "reason"}, reason)] : h("td", {class: "reason", colspan: 2}, reason),
    h("td", {class: "how"}, h("span", {class: `badge ${style}`}, how)));
