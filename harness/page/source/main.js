// report.html: the page looks up and draws. Every statistic and every sentence comes from the data.

import {drawAnswer} from "./answer.js";
import {drawControls, makeControls} from "./control.js";
import {startCopying} from "./copy.js";
import {drawCost} from "./cost.js";
import {D, label, loadData, unpacked} from "./data.js";
import {$, $$, h} from "./dom.js";
import {goTo, makeContents, makeToolbar, markToolbar, measureToolbar, startHighlight, startTheme} from "./frame.js";
import {drawLatency} from "./latency.js";
import {drawLines, makeFigures} from "./lines.js";
import {drawMap, markTile} from "./map.js";
import {drawSheet, startSheet} from "./sheet.js";
import {onChange, readHash, set, showLoad} from "./state.js";
import {drawRatios, makeSortable, markRows} from "./tables.js";
import * as words from "./words.js";

const REDRAW_MS = 120;

// Draws what depends on the changed parts of the state; without an argument everything.
function draw(changed) {
  const some = (...names) => !changed || names.some((name) => changed.includes(name));
  markToolbar();
  if (some("c", "s")) {
    markRows();
    if (!D.ab && D.loads.length > 1) markTile();
  }
  if (!D.ab && some("c", "s", "b")) drawAnswer();
  if (some("b")) drawRatios();
  if (some("c", "s", "b", "hide", "view")) drawLines();
  if (some("c", "s", "hide")) drawLatency();
  if (some("c", "s", "b", "hide")) drawCost();
  if (!changed) drawControls();
  drawSheet();
}

function makeLinks() {
  for (const row of $$("#loads tr[data-load]")) {
    const head = $("th", row);
    head.replaceChildren(h("a", {href: "#answer"}, head.textContent));
    head.addEventListener("click", (event) => {
      event.preventDefault();
      showLoad(Number(row.dataset.load));
      goTo("answer");
    });
  }
  for (const row of $$("#numbers tr[data-series]")) {
    const head = $("th", row);
    head.replaceChildren(h("button", {class: "row-name", "data-row": ""}, head.textContent));
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row], [data-cell], [data-view]");
    if (!button) return;
    if ("view" in button.dataset) set({view: button.dataset.view});
    else if ("cell" in button.dataset) set({cell: label(Number(button.dataset.cell))});
    else {
      const {load, series} = button.closest("tr").dataset;
      showLoad(Number(load), {cell: label(Number(series))});
    }
  });
}

function whenItChanges() {
  onChange(draw);
  addEventListener("hashchange", () => {
    const section = readHash();
    draw();
    if (section) goTo(section);
  });
  let width = innerWidth, timer;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    measureToolbar();
    timer = setTimeout(() => draw(), REDRAW_MS);
  });
  addEventListener("beforeprint", () => $$("details.behind").forEach((details) => (details.open = true)));
}

async function start() {
  if (typeof DecompressionStream !== "function") {
    $("#no-charts").hidden = false;
    return;
  }
  performance.mark("begin");
  const library = h("script", {});
  library.textContent = await unpacked("plot");
  document.head.append(library);
  await loadData();
  const section = readHash();
  for (const element of $$(".scripted")) element.hidden = false;
  for (const element of $$(".elsewhere")) element.hidden = true; // the charts have these sentences
  if (!D.ab && D.loads.length > 1) drawMap();
  else if ($("#pick")) $("#map").hidden = true;
  makeToolbar();
  makeFigures();
  makeControls();
  makeLinks();
  for (const table of $$("table.sortable")) makeSortable(table);
  draw();
  makeContents();
  startTheme();
  startCopying();
  startSheet();
  startHighlight();
  whenItChanges();
  if (section) goTo(section);
  performance.measure("drawing", "begin");
  document.documentElement.dataset.drawn = "";
}

globalThis.pageWords = words; // for the tests
start();
