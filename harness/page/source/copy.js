// Copying the answer, a table, a command or a link.

import {$, h} from "./dom.js";
import {D, csvLines} from "./data.js";
import {load} from "./state.js";
import {asCsv, asMarkdown} from "./tables.js";

const SHOWN_MS = 1500;
let timer;

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // a page from a file may not use the clipboard directly
    const area = h("textarea", {});
    area.value = text;
    ($("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const toast = $("#toast");
  toast.textContent = `${what} copied`;
  toast.classList.add("on");
  clearTimeout(timer);
  timer = setTimeout(() => toast.classList.remove("on"), SHOWN_MS);
}

function source() {
  const warning = $(".warning");
  const address = location.protocol === "file:" ? "" : ` ${location.href}`;
  return `On ${D.platform}, run ${D.run}.${warning ? ` ${warning.textContent.trim()}` : ""}${address}`;
}

function answerAsMarkdown() {
  const now = D.loads[load()];
  return `${now.w}, ${now.badge}: ${now.v}\n\n${asMarkdown($("#ranking"))}\n${source()}\n`;
}

function copyTable(button) {
  const table = $("table", button.closest("details") ?? button.closest("section"));
  const all = table.closest("#numbers") && !table.closest("details");
  if (button.dataset.copy === "markdown") copy(`${asMarkdown(table)}\n${source()}\n`, "Markdown");
  else copy(all ? D.csv : asCsv(table), "CSV");
}

export function startCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy) copyTable(button);
    else if (button.id === "copy-answer") copy(answerAsMarkdown(), "Answer");
    else if (button.id === "copy-csv") copy(`${csvLines(load()).join("\n")}\n`, "CSV");
    else if (button.id === "copy-command") copy($("#command").textContent, "Command");
    else if (button.id === "copy-link") copy(location.href, "Link");
  });
}
