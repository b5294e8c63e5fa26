// The frame of the page: theme, contents, the sticky bar, highlighting a series.

import {$, $$, h} from "./dom.js";
import {D, label, loadAt, ranked} from "./data.js";
import {hidden, load, set, showLoad, state, toggle} from "./state.js";
import {icon} from "./shapes.js";
import {count} from "./words.js";

const NAMES = {answer: "Answer", "load-charts": "By load", latency: "Latency", cost: "Cost of a request", sure: "How sure", loads: "All loads in words", numbers: "All numbers", classes: "Who got how much", churn: "Replaced connections", "left-out": "Left out", figures: "More figures", conditions: "Conditions", laws: "Laws of the platform", again: "Do it again"};
const WIDE = "(min-width: 64rem)";
const MANY = 9;

export function startTheme() {
  const next = {auto: "dark", dark: "light", light: "auto"};
  $("#theme").addEventListener("click", () => {
    const root = document.documentElement;
    const theme = next[root.dataset.theme ?? "auto"];
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    $("#theme").textContent = `Theme: ${theme}`;
  });
}

export function makeContents() {
  const sections = $$("main section[id]").filter((section) => !section.hidden);
  const list = $(".contents ol");
  list.replaceChildren(...sections.map((section) => h("li", {}, h("a", {href: `#${section.id}`}, NAMES[section.id]))));
  const details = $(".contents details"), wide = matchMedia(WIDE);
  const fold = () => (details.open = wide.matches);
  fold();
  wide.addEventListener("change", fold);
  list.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    goTo(link.hash.slice(1));
  });
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      for (const link of $$("a", list)) link.toggleAttribute("aria-current", link.hash === `#${entry.target.id}`);
    }
  }, {rootMargin: "-20% 0px -70% 0px"});
  for (const section of sections) seen.observe(section);
}

// A button that names a series, and shows or hides it in the charts.
export const chip = (series) => h("button", {class: "chip", "aria-pressed": "true", "data-hide": label(series), "data-series": series, title: `Show or hide ${label(series)} in the charts`}, icon(series), label(series));

// The hash holds the state, so a section is reached without changing it.
export function goTo(id) {
  const target = document.getElementById(id);
  if (!target) return;
  target.scrollIntoView();
  target.focus({preventScroll: true});
}

export function makeToolbar() {
  const option = (value, text) => h("option", {value}, text);
  const connections = [...new Set(D.loads.map((each) => each.c))].sort((one, other) => one - other);
  $("#connections").replaceChildren(...connections.map((each) => option(each, count(each, "connection"))));
  $("#panel").replaceChildren(...D.panels.map((panel) => option(panel.s, panel.w)));
  for (const select of $$("select.base")) {
    select.replaceChildren(option("", "the leader"), ...D.baselines.map((series) => option(label(series), label(series))));
    select.addEventListener("change", () => set({b: select.value}));
  }
  const choose = (first) => {
    const panel = D.panels.findIndex((each) => each.s === $("#panel").value);
    const wanted = loadAt(Number($("#connections").value), panel);
    const near = first === "c" ? D.loads.findIndex((each) => each.c === Number($("#connections").value)) : D.loads.findIndex((each) => each.p === panel);
    showLoad(wanted < 0 ? near : wanted);
  };
  $("#connections").addEventListener("change", () => choose("c"));
  $("#panel").addEventListener("change", () => choose("s"));
  $("#chips").replaceChildren(...ranked().map(chip));
  $("#chips").addEventListener("click", (event) => {
    const chip = event.target.closest(".chip");
    if (chip) toggle(chip.dataset.hide);
  });
  $(".toolbar").classList.toggle("many", ranked().length > MANY);
  measureToolbar();
  if (D.loads.length < 2) for (const select of [$("#connections"), $("#panel")]) select.closest("label").hidden = true;
}

// The bar stays in sight, so what is scrolled to must end up below it.
export function measureToolbar() {
  document.documentElement.style.setProperty("--bar", `${$(".toolbar").getBoundingClientRect().height}px`);
}

export function markToolbar() {
  const names = hidden();
  $("#connections").value = String(D.loads[load()].c);
  $("#panel").value = D.panels[D.loads[load()].p].s;
  for (const select of $$("select.base")) select.value = state.b;
  for (const chip of $$(".chip")) chip.setAttribute("aria-pressed", String(!names.has(chip.dataset.hide)));
  for (const element of $$(".where")) element.textContent = `${D.loads[load()].w}.`;
}

// A series below the mouse stands out in all charts.
export function startHighlight() {
  document.addEventListener("mouseover", (event) => {
    const found = event.target.closest?.(".chip, #ranking tr[data-series]")?.dataset.series;
    for (const plot of $$("main .plot")) {
      plot.classList.toggle("dimmed", found !== undefined);
      for (const group of $$("[data-series]", plot)) group.classList.toggle("on", group.dataset.series === found);
    }
  });
}
