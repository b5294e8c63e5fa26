// Built from harness/page/source by harness/page/build.mjs.
(() => {
  var __defProp = Object.defineProperty;
  var __export = (target, all) => {
    for (var name in all)
      __defProp(target, name, { get: all[name], enumerable: true });
  };

  // source/dom.js
  var $ = (query, within = document) => within.querySelector(query);
  var $$ = (query, within = document) => [...within.querySelectorAll(query)];
  function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== void 0 && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== void 0 && child !== false));
    return element;
  }
  function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }
  var command = (text2) => text2.split(" ").flatMap((word, at) => [at ? " " : "", h("span", { class: "word" }, word)]);
  var escaped = (text2) => text2.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  function bold(text2, names) {
    if (!names.length) return [text2];
    const longestFirst = [...names].sort((one, other) => other.length - one.length).map(escaped).join("|");
    const parts = text2.split(new RegExp(`(?<![\\w@])(${longestFirst})(?![\\w@=])`));
    return parts.filter(Boolean).map((part) => names.includes(part) ? h("b", {}, part) : part);
  }

  // source/data.js
  var FORMAT = 1;
  var FASTEST = "-";
  var D = {};
  async function unpacked(id) {
    const bytes = Uint8Array.from(atob($(`#${id}`).textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Response(stream).text();
  }
  async function loadData() {
    const data = JSON.parse(await unpacked("data"));
    if (data.format !== FORMAT) throw new Error(`format ${data.format} is not ${FORMAT}`);
    Object.assign(D, data);
  }
  var label = (series) => D.series[series].label;
  var labels = () => D.series.map((each) => each.label);
  var isControl = (series) => D.series[series].of !== null;
  var ranked = () => D.series.map((_, series) => series).filter((series) => !isControl(series));
  var cell = (load2, series) => D.cells[load2][series];
  var view = (load2, base2) => D.loads[load2].views[base2] ?? D.loads[load2].views[FASTEST] ?? [];
  var hasBase = (load2, base2) => base2 in D.loads[load2].views;
  var baseOf = (load2, base2) => view(load2, base2).find((row) => row[6] === "base")?.[0];
  function otherOf(load2, series, base2) {
    if (D.ab) {
      const at = D.loads[load2].views[FASTEST].findIndex((row) => row[0] === series);
      return at < 0 ? void 0 : D.loads[load2].views[FASTEST][at ^ 1][0];
    }
    const rows = view(load2, base2).filter((row) => row[6] !== "control");
    const found = isControl(series) ? D.series[series].of : baseOf(load2, base2);
    return found === series ? rows.find((row) => row[0] !== series)?.[0] : found;
  }
  var orderOf = (load2, base2) => {
    const rows = view(load2, base2).map((row) => row[0]);
    return [...rows, ...D.series.map((_, series) => series).filter((series) => !rows.includes(series) && cell(load2, series))];
  };
  var loadAt = (connections, panel) => D.loads.findIndex((load2) => load2.c === connections && load2.p === panel);
  function csvLines(load2) {
    const [head2, ...rows] = D.csv.trimEnd().split("\n");
    const sizes = D.cells.map((cells) => cells.filter(Boolean).length);
    const start2 = sizes.slice(0, load2).reduce((sum, size) => sum + size, 0);
    return [head2, ...rows.slice(start2, start2 + sizes[load2])];
  }

  // source/state.js
  var EMPTY = { c: null, s: null, b: "", hide: "", view: "value", cell: "" };
  var state = { ...EMPTY };
  var listeners = [];
  var onChange = (listener) => listeners.push(listener);
  var load = () => loadAt(Number(state.c), D.panels.findIndex((panel) => panel.s === state.s));
  var base = () => state.b ? String(labels().indexOf(state.b)) : FASTEST;
  var hidden = () => new Set(state.hide.split(",").filter(Boolean).map(decoded));
  var shownSeries = () => ranked().filter((series) => !hidden().has(labels()[series]));
  function decoded(text2) {
    try {
      return decodeURIComponent(text2);
    } catch {
      return text2;
    }
  }
  var keyOf = (number2) => ({ c: String(D.loads[number2].c), s: D.panels[D.loads[number2].p].s });
  function readHash() {
    const text2 = location.hash.slice(1);
    const found = text2.includes("=") ? Object.fromEntries(new URLSearchParams(text2)) : {};
    Object.assign(state, EMPTY, keyOf(D.first), found);
    if (load() < 0) Object.assign(state, keyOf(D.first));
    if (!D.baselines.some((series) => labels()[series] === state.b)) state.b = "";
    if (!labels().includes(state.cell)) state.cell = "";
    if (state.view !== "ratio") state.view = "value";
    return text2 && !text2.includes("=") ? text2 : "";
  }
  function writeHash() {
    const changed = Object.entries({ ...state }).filter(([name, value]) => name in EMPTY && value && value !== EMPTY[name]);
    history.replaceState(null, "", `#${new URLSearchParams(changed)}`);
  }
  function set(change) {
    Object.assign(state, change);
    writeHash();
    for (const listener of listeners) listener(Object.keys(change));
  }
  var showLoad = (number2, more = {}) => set({ ...keyOf(number2), ...more });
  function toggle(name) {
    const names = hidden();
    if (!names.delete(name)) names.add(name);
    if (names.size < ranked().length) set({ hide: [...names].map(encodeURIComponent).join(",") });
  }

  // source/shapes.js
  var regular = (corners, turn = 0, reach = 6.5) => Array.from({ length: corners }, (_, corner) => {
    const angle = 2 * Math.PI * corner / corners - Math.PI / 2 + turn;
    return [reach * Math.cos(angle), reach * Math.sin(angle)];
  });
  var star = (corners, inner = 3, turn = 0) => regular(corners, turn).flatMap((outer, corner) => [outer, regular(corners, turn + Math.PI / corners, inner)[corner]]);
  var turned = (points, angle) => points.map(([x, y]) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)]);
  var PLUS = [[-2, -6], [2, -6], [2, -2], [6, -2], [6, 2], [2, 2], [2, 6], [-2, 6], [-2, 2], [-6, 2], [-6, -2], [-2, -2]];
  var POINTS = {
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
    star8: star(8, 3.6)
  };
  var REACH = 5.5;
  var colour = (series) => `var(--s${series})`;
  var inkOf = (series) => `color-mix(in srgb, ${colour(series)} 70%, var(--ink))`;
  var markerOf = (series) => D.series[D.series[series].of ?? series].look[2];
  var isHollow = (series) => D.series[series].of !== null || D.ab && D.series[series].label.endsWith("@old");
  var fillOf = (series) => isHollow(series) ? "var(--paper)" : colour(series);
  var dashOf = (series) => D.ab && isHollow(series) ? "5 3" : null;
  function pathOf(marker) {
    const points = POINTS[marker];
    if (!points) return `M0 ${-REACH}A${REACH} ${REACH} 0 1 1 0 ${REACH}A${REACH} ${REACH} 0 1 1 0 ${-REACH}Z`;
    return `M${points.map((point) => point.map((at) => at.toFixed(2)).join(" ")).join("L")}Z`;
  }
  var symbolOf = (series) => symbol(markerOf(series));
  function symbol(marker) {
    const points = POINTS[marker];
    return {
      draw(context, size) {
        const scale = Math.sqrt(size / Math.PI) / REACH;
        if (!points) {
          context.moveTo(REACH * scale, 0);
          context.arc(0, 0, REACH * scale, 0, 2 * Math.PI);
          return;
        }
        points.forEach(([x, y], at) => at ? context.lineTo(x * scale, y * scale) : context.moveTo(x * scale, y * scale));
        context.closePath();
      }
    };
  }
  function icon(series) {
    const shape = svg("path", { d: pathOf(markerOf(series)), fill: fillOf(series), stroke: colour(series), "stroke-width": "1.6" });
    return svg("svg", { viewBox: "-8 -8 16 16", class: "mark", "aria-hidden": "true" }, shape);
  }

  // source/words.js
  var words_exports = {};
  __export(words_exports, {
    NOTHING: () => NOTHING,
    count: () => count,
    minus: () => minus,
    number: () => number,
    percentile: () => percentile,
    signedPercent: () => signedPercent,
    tick: () => tick,
    time: () => time,
    unbroken: () => unbroken
  });
  var NOTHING = "–";
  var NB = " ";
  var UNITS = [["s", 1e6], ["ms", 1e3], ["µs", 1], ["ns", 1e-3]];
  function number(value) {
    if (value === null || value === void 0) return NOTHING;
    if (value === 0) return "0";
    const near = Number(value.toPrecision(3));
    const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(near))));
    return minus(near.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
  }
  var unbroken = (text2) => text2.replaceAll(" ", NB).replace(`${NB}[`, " [");
  var minus = (text2) => String(text2).replace("-", "−");
  var count = (value, noun) => `${value.toLocaleString("en")}${NB}${noun}${value === 1 ? "" : "s"}`;
  var unitOf = (us) => UNITS.find(([, scale]) => us >= scale) ?? UNITS.at(-1);
  function time(us) {
    if (us === null || us === void 0) return NOTHING;
    const near = Number(us.toPrecision(3));
    const [unit2, scale] = unitOf(near);
    return `${number(near / scale)}${NB}${unit2}`;
  }
  function tick(us) {
    const [unit2, scale] = unitOf(us * 1.001);
    return `${Number((us / scale).toPrecision(6)).toLocaleString("en")}${NB}${unit2}`;
  }
  var signedPercent = (value) => minus(`${value > 0 ? "+" : ""}${value}${NB}%`);
  var percentile = (percent) => `p${percent}`;

  // source/answer.js
  var BADGES = { clear: ["clear", "✓ clear"], likely: ["likely", "likely"], equal: ["equal", "≈ equal"], "not decided": ["open", "? not decided"], provisional: ["open", "? provisional"], "one server": ["one", "one server"], "no figure": ["none", "✕ no figure"] };
  var ROOM = 1.02;
  var LONG = 14;
  var MANY = 9;
  function drawAnswer() {
    const now = D.loads[load()];
    const [style, text2] = BADGES[now.badge];
    $("#badge").className = `badge ${style}`;
    $("#badge").textContent = text2;
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
    const over = first === void 0 ? "" : `, and the ratio to ${label(first)}`;
    $("#answer").classList.toggle("many", rows.length + now.rest.length > MANY);
    const missing = state.b && !hasBase(load(), base());
    const unit2 = now.cpu ? "CPU time per request" : "Requests per second";
    const shorter = now.cpu ? " Shorter is better." : "";
    $("#ranking").replaceChildren(
      h(
        "caption",
        {},
        `${unit2}${over}.${shorter} Whisker inside the shaded band: equal within ${100 * D.margin} %.`,
        missing ? h("b", {}, ` ${state.b} has no figure at this load, so ratios are to the leader.`) : null
      ),
      head(now, first),
      h("tbody", {}, rows.map((row) => rankRow(now, row, longest)), now.rest.map(restRow(now)))
    );
  }
  function head(now, first) {
    const cell2 = (text2, attributes = {}) => h("th", { scope: "col", ...attributes }, text2);
    return h("thead", {}, h(
      "tr",
      {},
      cell2("model"),
      cell2(h("span", { class: "unseen" }, "bar"), { class: "bar" }),
      cell2(now.cpu ? "µs CPU" : "requests/s", { class: "right" }),
      cell2(first === void 0 ? "ratio" : `to ${label(first)}`, { class: "right" }),
      cell2("how sure")
    ));
  }
  function nameCell(series, now) {
    const switches = now.cpu ? cell(load(), series)?.w[1] : void 0;
    const notes = [D.series[series].note, switches && switches !== NOTHING ? `${switches} switches` : ""].filter(Boolean);
    return h(
      "th",
      { scope: "row" },
      h("button", { class: label(series).length > LONG ? "name long" : "name", "data-cell": series }, icon(series), label(series)),
      notes.length ? h("span", { class: "setting" }, notes.join(", ")) : null
    );
  }
  function rankRow(now, [series, ratio, low, high, text2, how, style], longest) {
    const [change, interval] = text2.split(/ (?=\[)/);
    const best = style === "base" && state.b === "" && ["clear", "equal"].includes(now.badge) ? now.badge : style;
    const isPale = style === "control";
    return h(
      "tr",
      { class: isPale ? "pale" : null, "data-series": series },
      nameCell(series, now),
      h("td", { class: "bar" }, track(series, ratio, low, high, longest)),
      h("td", { class: "right value" }, now.value[series]),
      h("td", { class: "right ratio" }, style === "base" ? h("span", { class: "interval" }, change) : change, interval ? h("span", { class: "interval" }, ` ${interval}`) : null),
      h("td", { class: "how" }, h("span", { class: `badge ${best}` }, how))
    );
  }
  function track(series, ratio, low, high, longest) {
    const at = (value) => `${(100 * value / longest).toFixed(2)}%`;
    const part = (name, from, to) => h("span", { class: name, style: `left: ${at(from)}; width: ${at(Math.max(0, to - from))}` });
    const end = high === null ? longest : Math.min(high, longest);
    const equal = 1 + D.margin;
    return h(
      "div",
      { class: "track", style: `--c: ${colour(series)}`, "aria-hidden": "true" },
      part("band", 1 / equal, equal),
      ratio === null ? null : part("fill", 0, ratio),
      h("span", { class: "one", style: `left: ${at(1)}` }),
      low === null ? null : [part("halo", low, Math.min(ratio, end)), part(end === high ? "whisker" : "whisker beyond", low, end)]
    );
  }
  var restRow = (now) => ([series, style, value, reason, how]) => h(
    "tr",
    { class: `pale ${style}`, "data-series": series },
    nameCell(series, now),
    h("td", { class: "bar" }, h("div", { class: "track", "aria-hidden": "true" })),
    style === "bound" ? [h("td", { class: "right value" }, value), h("td", { class: "reason" }, reason)] : h("td", { class: "reason", colspan: 2 }, reason),
    h("td", { class: "how" }, h("span", { class: `badge ${style}` }, how))
  );

  // loaded:library
  var plot = (...given) => globalThis.Plot.plot(...given);
  var axisX = (...given) => globalThis.Plot.axisX(...given);
  var axisY = (...given) => globalThis.Plot.axisY(...given);
  var barX = (...given) => globalThis.Plot.barX(...given);
  var dot = (...given) => globalThis.Plot.dot(...given);
  var gridX = (...given) => globalThis.Plot.gridX(...given);
  var gridY = (...given) => globalThis.Plot.gridY(...given);
  var line = (...given) => globalThis.Plot.line(...given);
  var pointer = (...given) => globalThis.Plot.pointer(...given);
  var pointerX = (...given) => globalThis.Plot.pointerX(...given);
  var rect = (...given) => globalThis.Plot.rect(...given);
  var rectY = (...given) => globalThis.Plot.rectY(...given);
  var ruleX = (...given) => globalThis.Plot.ruleX(...given);
  var ruleY = (...given) => globalThis.Plot.ruleY(...given);
  var text = (...given) => globalThis.Plot.text(...given);
  var tip = (...given) => globalThis.Plot.tip(...given);

  // source/chart.js
  var STYLE = { fontSize: "12px", background: "transparent", color: "var(--ink)" };
  var TIP = { fontSize: 12, lineHeight: 1.25, fill: "var(--paper)", stroke: "var(--line)", textPadding: 7, preferredAnchor: "bottom" };
  var LEAST_WIDTH = 240;
  var LABEL_HEIGHT = 13.5;
  var heightOf = (lines, least) => Math.max(least, Math.ceil(LABEL_HEIGHT * lines) + 60);
  var GRID = { stroke: "var(--line)", strokeOpacity: 1 };
  var widthOf = (element) => Math.max(LEAST_WIDTH, Math.floor(element.getBoundingClientRect().width));
  var marginOf = (labels2) => 12 + Math.min(110, 7.2 * Math.max(0, ...labels2.map((label2) => label2.length)));
  function put(element, name, options, open) {
    const svg2 = plot({ width: widthOf(element), style: STYLE, color: { type: "identity" }, symbol: { type: "identity" }, ...options });
    svg2.setAttribute("role", "img");
    svg2.setAttribute("aria-label", name);
    for (const group of $$("[aria-label], [aria-description]", svg2)) {
      if (group.hasAttribute("aria-description")) group.dataset.series = group.getAttribute("aria-description");
      group.removeAttribute("aria-label");
      group.removeAttribute("aria-description");
    }
    element.replaceChildren(svg2);
    element.classList.toggle("open-cell", Boolean(open));
    if (open) {
      let tapped;
      svg2.addEventListener("click", (event) => {
        const point = svg2.value;
        const first = event.pointerType === "touch" && tapped !== point;
        tapped = point;
        if (point && !first) open(point);
      });
    }
    return svg2;
  }
  var tipOf = (points, options, only = "") => tip(points, (only === "x" ? pointerX : pointer)({ title: "text", maxRadius: 60, ...options, ...TIP }));
  function spread(places, low, high) {
    const order = places.map((place, number2) => ({ place, number: number2 })).sort((one, other) => one.place - other.place);
    for (let at = 1; at < order.length; at++) order[at].place = Math.max(order[at].place, order[at - 1].place + LABEL_HEIGHT);
    if (order.length && order.at(-1).place > high) {
      order.at(-1).place = high;
      for (let at = order.length - 2; at >= 0; at--) order[at].place = Math.min(order[at].place, order[at + 1].place - LABEL_HEIGHT);
    }
    const found = [];
    for (const { place, number: number2 } of order) found[number2] = Math.max(low, place);
    return found;
  }
  function endLabels(ends, places) {
    return text(ends, {
      x: "x",
      y: "y",
      text: "text",
      dx: 8,
      textAnchor: "start",
      fontWeight: 600,
      render(index, scales, values, dimensions, context, next) {
        const group = next(index, scales, values, dimensions, context);
        [...group.children].forEach((child, at) => {
          const end = index[at];
          child.setAttribute("transform", `translate(${values.x[end]},${places[end]})`);
          child.setAttribute("aria-description", ends[end].series);
          child.style.fill = inkOf(ends[end].series);
        });
        return group;
      }
    });
  }
  function logTicks(low, high) {
    const factors = high / low > 300 ? [1] : high / low > 30 ? [1, 3] : [1, 2, 5];
    const found = [];
    for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power++) {
      for (const factor of factors) found.push(Number((factor * 10 ** power).toPrecision(2)));
    }
    const first = found.findLast((tick2) => tick2 <= low) ?? found[0];
    const last = found.find((tick2) => tick2 >= high) ?? found.at(-1);
    return found.filter((tick2) => tick2 >= first && tick2 <= last);
  }
  function sparse(ticks, place, width) {
    const kept = [];
    for (const tick2 of ticks) {
      if (kept.length && place(tick2) - place(kept.at(-1)) < width) {
        if (tick2 === ticks.at(-1) && kept.length > 1) kept.pop();
        else continue;
      }
      kept.push(tick2);
    }
    return kept;
  }
  var xWords = (ticks, words, title) => [
    text(ticks, { x: (tick2) => tick2, text: words, frameAnchor: "bottom", dy: 14 }),
    text([title], { frameAnchor: "bottom-right", dy: 29, textAnchor: "end" })
  ];
  var linearY = (format) => [gridY({ ...GRID, ticks: 5 }), axisY({ ticks: 5, tickSize: 0, tickFormat: format, label: null }), ruleY([0], { stroke: "var(--muted)" })];

  // source/tables.js
  var UNITS2 = { ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1 };
  function valueTable(element, heads, rows, caption) {
    const first = h("th", { scope: "col", class: "text" }, heads[0]);
    const body = rows.map(([name, ...values]) => h("tr", {}, h("th", { scope: "row", class: "text" }, String(name)), values.map((value) => h("td", {}, String(value)))));
    element.replaceChildren(
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": `Values: ${heads.join(", ")}` },
        h("table", { class: "data" }, caption ? h("caption", {}, caption) : null, h("thead", {}, h("tr", {}, first, heads.slice(1).map((head2) => h("th", { scope: "col" }, head2)))), h("tbody", {}, body))
      ),
      h("div", { class: "tools" }, h("button", { class: "button", "data-copy": "markdown" }, "Copy as Markdown"), h("button", { class: "button", "data-copy": "csv" }, "Copy as CSV"))
    );
  }
  function drawRatios() {
    const table = $("#numbers table");
    const over = state.b || "the leader";
    const heading = $$("thead th", table)[4];
    (heading.querySelector("button") ?? heading).textContent = D.ab ? `new to old [${D.level}]` : `ratio to ${over} [${D.level}]`;
    for (const row of $$("tbody tr", table)) {
      const found = view(Number(row.dataset.load), base()).find((each) => each[0] === Number(row.dataset.series));
      const pair = $(".pair", row);
      pair.textContent = found ? unbroken(found[4]) : NOTHING;
      pair.nextElementSibling.textContent = found ? found[5] : NOTHING;
    }
  }
  function markRows() {
    for (const row of $$("tr[data-load]")) row.classList.toggle("on", Number(row.dataset.load) === load());
  }
  function keyOf2(row, column) {
    const text2 = row.cells[column].textContent.trim();
    const found = /^([+−-]?[\d,]*\.?\d+)\s*(ns|µs|ms|s)?(?![\w/])/.exec(text2);
    if (text2 === NOTHING) return null;
    return found ? parseFloat(found[1].replace(/,/g, "").replace("−", "-")) * (UNITS2[found[2]] ?? 1) : text2;
  }
  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), "en");
  }
  function sortBy(table, head2) {
    const column = [...head2.parentNode.children].indexOf(head2);
    const sign = head2.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head2.parentNode.children) other.removeAttribute("aria-sort");
    head2.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => [keyOf2(row, column), row]);
    rows.sort(([one], [other]) => one === null || other === null ? (one === null) - (other === null) : sign * compare(one, other));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }
  function makeSortable(table) {
    for (const head2 of table.tHead.rows[0].cells) {
      const button = h("button", {}, [...head2.childNodes]);
      head2.append(button);
      button.addEventListener("click", () => sortBy(table, head2));
    }
  }
  var textOf = (cell2) => cell2.textContent.trim().replace(/\u00ad/g, "").replace(/\s+/g, " ");
  var gridOf = (table) => [...table.rows].map((row) => [...row.cells].filter((cell2) => !cell2.classList.contains("bar")).map((cell2) => cell2.querySelector(".name") ? textOf(cell2.querySelector(".name")) : textOf(cell2)));
  function asMarkdown(table) {
    const [heads, ...rows] = gridOf(table).map((row) => `| ${row.map((cell2) => cell2.replace(/\|/g, "\\|")).join(" | ")} |`);
    const columns = heads.split(/(?<!\\)\|/).length - 2;
    return `${[heads, `|${"---|".repeat(columns)}`, ...rows].join("\n")}
`;
  }
  var asCsv = (table) => `${gridOf(table).map((row) => row.map((cell2) => /[",\n]/.test(cell2) ? `"${cell2.replace(/"/g, '""')}"` : cell2).join(",")).join("\n")}
`;

  // source/control.js
  var MOST = 60;
  function makeControls() {
    $("#controls").replaceChildren(...D.controls.filter((control) => control.rows.length).map((control) => h(
      "figure",
      {},
      h("p", { class: "plot-title" }, `${control.t}: one program, measured twice`),
      h("div", { class: "tall", tabindex: "0", role: "group", "aria-label": control.t }, h("div", { class: "plot" })),
      h("details", { class: "behind" }, h("summary", {}, "Table: control"), h("div"))
    )));
  }
  function drawControls() {
    D.controls.filter((control) => control.rows.length).forEach((control, at) => drawControl($("#controls").children[at], control));
  }
  function drawControl(figure, control) {
    const percent = (ratio) => ratio === null ? null : (ratio - 1) * 100;
    const points = control.rows.map(([number2, ratio, low, high, text2]) => ({ number: number2, name: D.loads[number2].w, y: percent(ratio), low: percent(low), high: percent(high), text: `${D.loads[number2].w}
${text2}` }));
    const reach = Math.min(MOST, Math.max(10, ...points.flatMap((point) => [point.y, point.low, point.high]).map((value) => Math.abs(value ?? 0))));
    const narrow = figure.getBoundingClientRect().width < 500;
    const words = points.map((point) => narrow ? point.name.replace(/ connections?/, "") : point.name);
    put($(".plot", figure), `${control.t} at each load. The table below holds the values.`, {
      height: 22 * points.length + 36,
      marginLeft: 12 + 6.6 * Math.max(...words.map((word) => word.length)),
      marginRight: 26,
      marginTop: 2,
      marginBottom: 34,
      y: { domain: points.map((point) => point.name), label: null, axis: null },
      x: { domain: [-reach, reach], label: null, axis: null, clamp: true },
      marks: [
        rect([0], { x1: 100 * (1 / (1 + D.margin) - 1), x2: 100 * D.margin, fill: "var(--band)" }),
        gridX({ ...GRID, ticks: 6 }),
        axisX({ ticks: narrow ? 3 : 6, tickSize: 0, tickFormat: signedPercent, label: `${control.t} →`, labelAnchor: "right", labelArrow: "none" }),
        axisY({ tickSize: 0, label: null, tickFormat: (_, at) => words[at] }),
        ruleX([0], { stroke: "var(--muted)" }),
        ruleY(points.filter((point) => point.low !== null), { y: "name", x1: "low", x2: "high", stroke: "var(--link)", strokeWidth: 2 }),
        dot(points, { x: "y", y: "name", fill: "var(--link)", stroke: "var(--paper)", r: 4.5 }),
        tipOf(points, { x: "y", y: "name" })
      ]
    }, (point) => showLoad(point.number));
    valueTable($("details div", figure), ["load", `${control.t} [${D.level}]`], control.rows.map(([number2, , , , text2]) => [D.loads[number2].w, text2]), "");
  }

  // source/copy.js
  var SHOWN_MS = 1500;
  var timer;
  async function copy(text2, what) {
    try {
      await navigator.clipboard.writeText(text2);
    } catch {
      const area = h("textarea", {});
      area.value = text2;
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
    return `${now.w}, ${now.badge}: ${now.v}

${asMarkdown($("#ranking"))}
${source()}
`;
  }
  function copyTable(button) {
    const table = $("table", button.closest("details") ?? button.closest("section"));
    const all = table.closest("#numbers") && !table.closest("details");
    if (button.dataset.copy === "markdown") copy(`${asMarkdown(table)}
${source()}
`, "Markdown");
    else copy(all ? D.csv : asCsv(table), "CSV");
  }
  function startCopying() {
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.copy) copyTable(button);
      else if (button.id === "copy-answer") copy(answerAsMarkdown(), "Answer");
      else if (button.id === "copy-csv") copy(`${csvLines(load()).join("\n")}
`, "CSV");
      else if (button.id === "copy-command") copy($("#command").textContent, "Command");
      else if (button.id === "copy-link") copy(location.href, "Link");
    });
  }

  // source/cost.js
  var PARTS = [["CPU time", "µs of CPU", 0], ["Context switches", "context switches", 2]];
  var PALE = 0.42;
  function drawCost() {
    const names = hidden();
    const series = orderOf(load(), base()).filter((each) => !isControl(each) && !names.has(label(each)));
    const wineserver = series.some((each) => cell(load(), each).c[1] !== null);
    const said = D.loads[load()].notes.cost;
    $("#cost-note").replaceChildren(...said.flatMap((text_) => [...bold(text_, labels()), " "]), wineserver ? "Full colour: the server. Pale: the wineserver, which does the part of the kernel under Wine." : "");
    $("#cost-plots").replaceChildren(...PARTS.map(([title]) => h("figure", {}, h("p", { class: "plot-title" }, title), h("div", { class: "plot" }))));
    PARTS.forEach(([title, unit2, first], at) => {
      const figure = $("#cost-plots").children[at];
      const unknown = series.filter((each) => cell(load(), each).c[first] === null);
      drawBars(figure.lastChild, title, unit2, first, series);
      if (unknown.length && unknown.length < series.length) figure.append(h("p", { class: "small muted" }, `Unavailable: ${unknown.map(label).join(", ")}. “Why a table shows –” has the reasons.`));
    });
    drawTable(wineserver);
  }
  function drawBars(element, title, unit2, first, series) {
    const known = series.filter((each) => cell(load(), each).c[first] !== null);
    if (!known.length) {
      element.replaceChildren(h("p", { class: "note" }, `${title} per request is unavailable; “Why a table shows –” has the reason.`));
      return;
    }
    const rows = known.flatMap((each) => {
      const [own, other] = cell(load(), each).c.slice(first);
      const sum = own + (other ?? 0);
      const name = label(each);
      const said = (part, value) => `${name}
${part}: ${number(value)} ${unit2}
together ${number(sum)}`;
      return [
        { series: each, name, from: 0, to: own, sum, last: other === null, opacity: 1, text: said("server", own) },
        ...other === null ? [] : [{ series: each, name, from: own, to: sum, sum, last: true, opacity: PALE, text: said("wineserver", other) }]
      ];
    });
    put(element, `${title} per request at ${D.loads[load()].w}. The table below holds the values.`, {
      height: 26 * known.length + 42,
      marginLeft: marginOf(known.map(label)),
      marginRight: 52,
      marginTop: 4,
      marginBottom: 36,
      x: { domain: [0, Math.max(...rows.map((row) => row.sum))], label: null, axis: null },
      y: { domain: known.map(label), label: null, padding: 0.22, axis: null },
      marks: [
        gridX({ ...GRID, ticks: 4 }),
        axisX({ ticks: 4, tickSize: 0, label: `${unit2} per request →`, labelAnchor: "right", labelArrow: "none" }),
        axisY({ tickSize: 0, fontWeight: 600, label: null }),
        barX(rows, { x1: "from", x2: "to", y: "name", fill: (row) => colour(row.series), fillOpacity: "opacity" }),
        text(rows.filter((row) => row.last), { x: "sum", y: "name", text: (row) => number(row.sum), dx: 5, textAnchor: "start" }),
        ruleX([0], { stroke: "var(--muted)" }),
        tipOf(rows, { x: (row) => (row.from + row.to) / 2, y: "name", maxRadius: 90 })
      ]
    }, (row) => set({ cell: row.name }));
  }
  function drawTable(wineserver) {
    const parts = wineserver ? ["server CPU, µs", "wineserver CPU, µs", "server switches", "wineserver switches"] : ["server CPU, µs", "server switches"];
    const rows = orderOf(load(), base()).map((each) => {
      const { c, w } = cell(load(), each);
      return [label(each), ...(wineserver ? c : [c[0], c[2]]).map(number), ...w];
    });
    valueTable($("#cost-table"), ["server", ...parts, "CPU together, µs", "switches together"], rows, "Per request, medians of the valid repeats.");
  }

  // source/frame.js
  var NAMES = { answer: "Answer", "load-charts": "By load", latency: "Latency", cost: "Cost of a request", sure: "How sure", loads: "All loads in words", numbers: "All numbers", classes: "Who got how much", churn: "Replaced connections", "left-out": "Left out", figures: "More figures", conditions: "Conditions", laws: "Laws of the platform", again: "Do it again" };
  var WIDE = "(min-width: 64rem)";
  var MANY2 = 9;
  function startTheme() {
    const next = { auto: "dark", dark: "light", light: "auto" };
    $("#theme").addEventListener("click", () => {
      const root = document.documentElement;
      const theme = next[root.dataset.theme ?? "auto"];
      if (theme === "auto") delete root.dataset.theme;
      else root.dataset.theme = theme;
      $("#theme").textContent = `Theme: ${theme}`;
    });
  }
  function makeContents() {
    const sections = $$("main section[id]").filter((section) => !section.hidden);
    const list = $(".contents ol");
    list.replaceChildren(...sections.map((section) => h("li", {}, h("a", { href: `#${section.id}` }, NAMES[section.id]))));
    const details = $(".contents details"), wide = matchMedia(WIDE);
    const fold = () => details.open = wide.matches;
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
    }, { rootMargin: "-20% 0px -70% 0px" });
    for (const section of sections) seen.observe(section);
  }
  var chip = (series) => h("button", { class: "chip", "aria-pressed": "true", "data-hide": label(series), "data-series": series, title: `Show or hide ${label(series)} in the charts` }, icon(series), label(series));
  function goTo(id) {
    const target = document.getElementById(id);
    if (!target) return;
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  }
  function makeToolbar() {
    const option = (value, text2) => h("option", { value }, text2);
    const connections = [...new Set(D.loads.map((each) => each.c))].sort((one, other) => one - other);
    $("#connections").replaceChildren(...connections.map((each) => option(each, count(each, "connection"))));
    $("#panel").replaceChildren(...D.panels.map((panel) => option(panel.s, panel.w)));
    for (const select of $$("select.base")) {
      select.replaceChildren(option("", "the leader"), ...D.baselines.map((series) => option(label(series), label(series))));
      select.addEventListener("change", () => set({ b: select.value }));
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
      const chip2 = event.target.closest(".chip");
      if (chip2) toggle(chip2.dataset.hide);
    });
    $(".toolbar").classList.toggle("many", ranked().length > MANY2);
    measureToolbar();
    if (D.loads.length < 2) for (const select of [$("#connections"), $("#panel")]) select.closest("label").hidden = true;
  }
  function measureToolbar() {
    document.documentElement.style.setProperty("--bar", `${$(".toolbar").getBoundingClientRect().height}px`);
  }
  function markToolbar() {
    const names = hidden();
    $("#connections").value = String(D.loads[load()].c);
    $("#panel").value = D.panels[D.loads[load()].p].s;
    for (const select of $$("select.base")) select.value = state.b;
    for (const chip2 of $$(".chip")) chip2.setAttribute("aria-pressed", String(!names.has(chip2.dataset.hide)));
    for (const element of $$(".where")) element.textContent = `${D.loads[load()].w}.`;
  }
  function startHighlight() {
    document.addEventListener("mouseover", (event) => {
      const found = event.target.closest?.(".chip, #ranking tr[data-series]")?.dataset.series;
      for (const plot2 of $$("main .plot")) {
        plot2.classList.toggle("dimmed", found !== void 0);
        for (const group of $$("[data-series]", plot2)) group.classList.toggle("on", group.dataset.series === found);
      }
    });
  }

  // source/latency.js
  var LEAST_HEIGHT = 330;
  var TOP = 14;
  var BOTTOM = 38;
  var LEFT = 56;
  var NAMED = [50, 90, 99, 99.9, 99.99];
  var nines = (percent) => -Math.log10(1 - percent / 100);
  var asked = 99;
  var height = LEAST_HEIGHT;
  function drawLatency() {
    const now = D.loads[load()];
    const lines = now.notes.stalls.map((note) => h("div", {}, bold(note, labels())));
    $("#latency-notes").replaceChildren(h("p", { class: "note" }, now.notes.latency), ...lines.length ? [h("div", { class: "note hot" }, lines)] : []);
    const series = shownSeries().filter((each) => cell(load(), each)?.q.length);
    $(".slider").hidden = !series.length;
    if (series.length) drawCurves(series);
    else {
      $("#latency-plot").replaceChildren(h("p", { class: "note" }, "No percentile is shown: each needs samples beyond it in at least 3 rounds."));
      $("#readout").replaceChildren();
    }
    drawTable2();
  }
  function drawCurves(series) {
    const plotted = $("#latency-plot");
    height = heightOf(series.length, LEAST_HEIGHT);
    const points = series.flatMap((each) => cell(load(), each).q.map((us, at) => ({ series: each, percent: D.percents[at], x: nines(D.percents[at]), y: us, text: `${label(each)}
${percentile(D.percents[at])}: ${time(us)}` })));
    const most = Math.max(...points.map((point) => point.x));
    const ticks = logTicks(Math.min(...points.map((point) => point.y)), Math.max(...points.map((point) => point.y)));
    const [low, high] = [ticks[0], ticks.at(-1)];
    const right = marginOf(series.map(label));
    const width = widthOf(plotted);
    const yPlace = (us) => TOP + (1 - Math.log(us / low) / Math.log(high / low)) * (height - TOP - BOTTOM);
    const xPlace = (x) => LEFT + x / most * (width - LEFT - right);
    const ends = series.map((each) => points.findLast((point) => point.series === each)).map((point) => ({ ...point, text: label(point.series) }));
    const named = NAMED.filter((percent) => nines(percent) <= most + 1e-9);
    const picture = put(plotted, `Latency by percentile at ${D.loads[load()].w}. The table below holds the percentiles.`, {
      height,
      marginLeft: LEFT,
      marginRight: right,
      marginTop: TOP,
      marginBottom: BOTTOM,
      x: { domain: [0, most], label: null, axis: null },
      y: { type: "log", domain: [low, high], label: null, axis: null },
      marks: [
        gridY(ticks, GRID),
        gridX(named.map(nines), GRID),
        axisX(named.map(nines), { tickFormat: (_, at) => `${named[at]} %`, tickSize: 0, label: "share of requests answered within this time →", labelAnchor: "right", labelArrow: "none" }),
        text(ticks, { y: (each) => each, frameAnchor: "left", textAnchor: "end", dx: -6, text: tick }),
        ...series.map((each) => line(points.filter((point) => point.series === each), { ariaDescription: String(each), x: "x", y: "y", stroke: colour(each), strokeWidth: 2, strokeDasharray: dashOf(each) })),
        ...series.map((each) => dot(points.filter((point) => point.series === each && NAMED.includes(point.percent)), { ariaDescription: String(each), x: "x", y: "y", fill: fillOf(each), stroke: fillOf(each) === colour(each) ? "var(--paper)" : colour(each), strokeWidth: 1.1, symbol: symbolOf(each), r: 4.4 })),
        endLabels(ends, endPlaces(ends, yPlace, xPlace)),
        tipOf(points, { x: "x", y: "y", maxRadius: 50 })
      ]
    }, (point) => set({ cell: label(point.series) }));
    picture.addEventListener("input", () => picture.value && read(picture.value.percent, xPlace, picture));
    const slider = $("#percentile");
    slider.max = String(D.percents.findLastIndex((percent) => nines(percent) <= most + 1e-9));
    slider.oninput = () => read(D.percents[Number(slider.value)], xPlace, picture);
    read(Math.min(asked, D.percents[Number(slider.max)]), xPlace, picture);
  }
  function endPlaces(ends, yPlace, xPlace) {
    const places = [];
    const groups = Map.groupBy(ends.map((_, at) => at), (at) => Math.round(xPlace(ends[at].x) / 60));
    for (const group of groups.values()) {
      spread(group.map((at) => yPlace(ends[at].y)), TOP, height - BOTTOM).forEach((place, at) => places[group[at]] = place);
    }
    return places;
  }
  function read(percent, xPlace, picture) {
    asked = percent;
    const place = D.percents.indexOf(percent);
    const slider = $("#percentile");
    slider.value = String(place);
    slider.setAttribute("aria-valuetext", `${percent} percent`);
    const x = xPlace(nines(percent));
    $(".cross", picture)?.remove();
    picture.append(svg("line", { class: "cross", stroke: "var(--muted)", "stroke-dasharray": "2 3", x1: x, x2: x, y1: TOP, y2: height - BOTTOM }));
    const found = shownSeries().filter((each) => cell(load(), each)).map((each) => [each, cell(load(), each).q[place]]);
    found.sort(([, one], [, other]) => (one ?? Infinity) - (other ?? Infinity));
    $("#readout").replaceChildren(h("b", {}, percentile(percent)), ...found.map(([each, us]) => h("span", {}, icon(each), `${label(each)} ${us === void 0 ? "– (too few samples)" : time(us)}`)));
  }
  function drawTable2() {
    const rows = orderOf(load(), base()).map((each) => [label(each), ...cell(load(), each).p, time(cell(load(), each).q[D.percents.indexOf(90)])]);
    valueTable($("#latency-table"), ["server", "p50 [95 %]", "p99 [95 %]", "p99.9 [95 %]", "p90"], rows, "Medians over rounds.");
  }

  // source/lines.js
  var LEAST_HEIGHT2 = 290;
  var TOP2 = 12;
  var BOTTOM2 = 36;
  var LEFT2 = 54;
  var UNITS3 = { rate: "requests/s", cpu: "µs of CPU per request", p99: "response p99" };
  var DODGE = 0.012;
  var MOST_DODGE = 0.06;
  var isRatio = (chart) => state.view === "ratio" && chart.y !== "p99";
  function valueAt(chart, number2, series) {
    const found = cell(number2, series);
    if (!found) return null;
    if (!isRatio(chart)) return chart.y === "p99" ? found.p99 : found.y;
    const row = view(number2, base()).find((each) => each[0] === series);
    return row && row[1] !== null ? [row[1], row[2], row[3]].map((ratio) => ratio === null ? null : (ratio - 1) * 100) : null;
  }
  function pointsOf(chart, width) {
    const series = shownSeries();
    const log = chart.x === "connections";
    const dodge = Math.min(DODGE, MOST_DODGE / series.length);
    const reach = log ? Math.log(chart.at.at(-1) / chart.at[0]) : chart.at.at(-1) - chart.at[0];
    return series.flatMap((each, place) => chart.l.flatMap((number2, at) => {
      const found = valueAt(chart, number2, each);
      if (!found) return [];
      const shift = (place - (series.length - 1) / 2) * dodge * reach * Math.min(1, 500 / width);
      const x = log ? chart.at[at] * Math.exp(shift) : chart.at[at] + shift;
      return [{ series: each, number: number2, x, y: found[0], low: found[1], high: found[2] ?? found[1], text: pointText(chart, number2, each, found), ok: cell(number2, each).ok }];
    }));
  }
  function pointText(chart, number2, series, found) {
    const value = chart.y === "p99" ? time(found[0]) : `${cell(number2, series).t} ${UNITS3[chart.y]}`;
    const row = view(number2, base()).find((each) => each[0] === series);
    const over = row && row[6] !== "base" && row[6] !== "control" ? [`${row[4]} to ${label(D.ab ? view(number2, FASTEST).find((each) => each[6] === "base")?.[0] : baseOf(number2, base()))}: ${row[5]}`] : [];
    return [`${label(series)}, ${D.loads[number2].w}`, value, ...D.ab ? row ? [row[4], row[5]] : [] : over, ...cell(number2, series).ok ? [] : [cell(number2, series).why]].join("\n");
  }
  function domainOf(charts) {
    const points = charts.flatMap((chart) => pointsOf(chart, 500));
    const ends = points.flatMap((point) => [point.y, point.low, point.high]).filter((value) => value !== null && value !== void 0);
    if (isRatio(charts[0])) {
      const typical = points.map((point) => Math.abs(point.y));
      const most = Math.max(10, 2.5 * Math.max(0, ...typical));
      return [Math.max(-100, -most, Math.min(-10, ...ends)), Math.min(most, Math.max(10, ...ends))];
    }
    const values = points.map((point) => point.y);
    if (charts[0].y === "p99") {
      const ticks = values.length ? logTicks(Math.min(...values), Math.max(...values)) : [1, 10];
      return [ticks[0], ticks.at(-1)];
    }
    return [0, Math.min(Math.max(1, ...ends), 1.5 * Math.max(1, ...values)) * 1.02];
  }
  function drawLines() {
    const section = $("#load-charts");
    section.hidden = !D.charts.some((chart) => chart.l.some((number2) => D.cells[number2].some((each) => each?.y)));
    if (section.hidden) return;
    const domains = Object.fromEntries(Object.keys(UNITS3).map((y) => [y, D.charts.filter((chart) => chart.y === y)]).filter(([, charts]) => charts.length).map(([y, charts]) => [y, domainOf(charts)]));
    const figures = $$("#charts figure");
    D.charts.forEach((chart, at) => drawLine(figures[at], chart, domains[chart.y]));
    for (const button of $$(".segments button", section)) button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
    const over = D.ab ? "the old build" : state.b || "the leader at each load";
    $("#charts-note").textContent = state.view === "ratio" ? `Ratio to ${over}. Shaded: within ${100 * D.margin} %. Bars: the intervals that decide.` : "Medians with 95 % intervals. The shaded column is the chosen load. Hollow: not valid.";
    drawTable3();
  }
  function makeFigures() {
    $("#charts").replaceChildren(...D.charts.map((chart) => h("figure", {}, h("p", { class: "plot-title" }), h("div", { class: "plot" }))));
    $(".segments [data-view=value]").textContent = D.charts.every((chart) => chart.y === "rate") ? "requests/s" : "value";
  }
  function drawLine(figure, chart, domain) {
    const element = $(".plot", figure);
    $(".plot-title", figure).textContent = `${chart.t}: ${isRatio(chart) ? "ratio of " : ""}${UNITS3[chart.y]}`;
    const width = widthOf(element), height2 = heightOf(shownSeries().length, LEAST_HEIGHT2);
    const points = pointsOf(chart, width);
    const ratio = isRatio(chart), log = chart.y === "p99", byConnections = chart.x === "connections";
    const right = marginOf(shownSeries().map(label));
    const first = chart.at[0], last = chart.at.at(-1);
    const xDomain = byConnections ? [first / (last / first) ** 0.04, last * (last / first) ** 0.04] : [first - 0.04 * (last - first), last + 0.04 * (last - first)];
    const xPlace = (value) => LEFT2 + (width - LEFT2 - right) * (byConnections ? Math.log(value / xDomain[0]) / Math.log(xDomain[1] / xDomain[0]) : (value - xDomain[0]) / (xDomain[1] - xDomain[0]));
    const share = (value) => log ? Math.log(value / domain[0]) / Math.log(domain[1] / domain[0]) : (value - domain[0]) / (domain[1] - domain[0]);
    const yPlace = (value) => TOP2 + (1 - share(value)) * (height2 - TOP2 - BOTTOM2);
    const ends = shownSeries().map((series) => points.findLast((point) => point.series === series)).filter(Boolean).map((point) => ({ ...point, x: xDomain[1], text: label(point.series) }));
    const xTicks = sparse(chart.at, xPlace, 8 * String(last).length + 8);
    const shownAt = chart.at.filter((_, at) => chart.l[at] === load());
    const yTicks = log ? logTicks(domain[0], domain[1]) : [];
    put(element, `${chart.t}: ${ratio ? "ratio to the baseline" : UNITS3[chart.y]} by ${byConnections ? "connections" : "offered rate"}. The table below holds every value.`, {
      height: height2,
      marginLeft: LEFT2,
      marginRight: right,
      marginTop: TOP2,
      marginBottom: BOTTOM2,
      x: { type: byConnections ? "log" : "linear", domain: xDomain, label: null, axis: null },
      y: { type: log ? "log" : "linear", domain, label: null, axis: null, clamp: true },
      marks: [
        ruleX(shownAt, { stroke: "var(--band)", strokeWidth: Math.min(40, 0.7 * (width - LEFT2 - right) / chart.at.length) }),
        ratio ? rect([0], { y1: 100 * (1 / (1 + D.margin) - 1), y2: 100 * D.margin, fill: "var(--band)" }) : null,
        ...log ? [gridY(yTicks, GRID), text(yTicks, { y: (each) => each, frameAnchor: "left", textAnchor: "end", dx: -6, text: tick })] : linearY(ratio ? signedPercent : (value) => value.toLocaleString("en")),
        ...xWords(xTicks, (value) => byConnections ? value.toLocaleString("en") : `${value} %`, byConnections ? "connections →" : "of the lowest peak →"),
        ...shownSeries().flatMap((series) => {
          const own = points.filter((point) => point.series === series), more = { ariaDescription: String(series) };
          return [
            ruleX(own.filter((point) => point.low !== null && point.low !== void 0), { ...more, x: "x", y1: "low", y2: "high", stroke: colour(series), strokeWidth: 1.2, strokeOpacity: 0.55, clip: true }),
            line(own, { ...more, x: "x", y: "y", stroke: colour(series), strokeWidth: 1.9, strokeDasharray: dashOf(series) }),
            dot(own, { ...more, x: "x", y: "y", fill: (point) => point.ok ? fillOf(series) : "var(--paper)", stroke: (point) => point.ok && fillOf(series) === colour(series) ? "var(--paper)" : colour(series), strokeWidth: 1.1, symbol: symbolOf(series), r: 4.6 })
          ];
        }),
        endLabels(ends, spread(ends.map((end) => yPlace(end.y)), TOP2, height2 - BOTTOM2)),
        tipOf(points, { x: "x", y: "y" })
      ]
    }, (point) => showLoad(point.number, { cell: label(point.series) }));
  }
  function drawTable3() {
    const charts = D.charts.filter((chart) => !isRatio(chart));
    const loads = [...new Set((charts.length ? charts : D.charts).flatMap((chart) => chart.l))].sort((one, other) => one - other);
    const series = shownSeries();
    valueTable($("#charts-table"), ["load", ...series.map(label)], loads.map((number2) => [
      D.loads[number2].w,
      ...series.map((each) => cell(number2, each) ? cell(number2, each).t + (D.loads[number2].cpu ? ` µs, p99 ${cell(number2, each).p[1]}` : "") : "–")
    ]), `Medians with 95 % intervals: ${UNITS3.rate}, at an offered rate ${UNITS3.cpu}.`);
  }

  // source/map.js
  var MANY3 = 6;
  function drawMap() {
    const connections = [...new Set(D.loads.map((each) => each.c))].sort((one, other) => one - other);
    const rows = D.panels.map((panel, number2) => h("tr", {}, h("th", { scope: "row", class: "side", title: panel.w }, panel.short), connections.map((each) => h("td", {}, tile(loadAt(each, number2))))));
    const heads = connections.map((each) => h("th", { scope: "col" }, each.toLocaleString("en")));
    $("#map").replaceChildren(h(
      "table",
      { class: connections.length > MANY3 ? "map many" : "map" },
      h("caption", { class: "unseen" }, "The leader at each load; choose a load"),
      h("thead", {}, h("tr", {}, h("td"), heads)),
      h("tbody", {}, rows)
    ));
    $("#map").addEventListener("change", (event) => showLoad(Number(event.target.value)));
  }
  var broken = (name) => name.split(/(?<=_)/).flatMap((part, at) => at ? [h("wbr"), part] : [part]);
  function tile(number2) {
    if (number2 < 0) return null;
    const { w, v, tile: [style, series, text2] } = D.loads[number2];
    const single = style === "win" || style === "likely";
    const inside = single ? [h("b", {}, broken(D.series[series[0]].label)), h("span", {}, text2)] : [h("span", { class: "marks" }, series.slice(0, 8).map(icon)), h("span", { class: "muted" }, text2)];
    return h(
      "label",
      { title: w },
      h("input", { type: "radio", name: "load", value: number2, "aria-label": `${w}: ${v}` }),
      h("span", { class: `tile ${style}`, style: single ? `--c: ${colour(series[0])}` : null, "aria-hidden": "true" }, inside)
    );
  }
  function markTile() {
    for (const input of $$("#map input")) input.checked = Number(input.value) === load();
  }

  // source/sheet.js
  var HEIGHT = 240;
  var round = null;
  var opener = null;
  function drawSheet() {
    const dialog = $("#sheet");
    const series = labels().indexOf(state.cell);
    if (series < 0 || !cell(load(), series)) {
      if (dialog.open) dialog.close();
      return;
    }
    if (!dialog.open) {
      round = null;
      opener = document.activeElement;
      dialog.showModal();
    }
    const own = cell(load(), series);
    const otherSeries = otherOf(load(), series, base());
    const other = otherSeries === void 0 ? null : cell(load(), otherSeries);
    $("#sheet-name").replaceChildren(icon(series), label(series));
    $("#sheet-load").textContent = [D.loads[load()].w, D.series[series].note].filter(Boolean).join(", ");
    drawFacts(series, own, otherSeries);
    drawRounds(series, own, otherSeries, other);
    drawHistogram(series, own, otherSeries, other);
    const both = other ? [`${label(otherSeries)}, ${unit()}`] : [];
    valueTable($("#sheet-table"), ["round", `${label(series)}, ${unit()}`, ...both], own.x.map((value, at) => [at + 1, number(value), ...other ? [number(other.x[at])] : []]), "");
  }
  var unit = () => D.loads[load()].cpu ? "µs CPU" : "requests/s";
  function drawFacts(series, own, otherSeries) {
    const row = view(load(), base()).find((each) => each[0] === series);
    const facts = [
      [unit(), own.t, `${count(own.n, "valid repeat")} of ${own.of}`],
      ...row && row[6] !== "base" && otherSeries !== void 0 ? [[`to ${label(otherSeries)}`, row[4], row[5]]] : [],
      ["p50", own.p[0], ""],
      ["p99", own.p[1], ""],
      ["CPU per request", own.w[0] === NOTHING ? NOTHING : `${own.w[0]} µs`, `${own.w[1]} switches`],
      ["verdict", own.v, own.ok ? own.note : own.why]
    ];
    $("#sheet-facts").replaceChildren(...facts.map(([name, text2, more]) => {
      const [value, interval] = text2.split(/ (?=\[)/);
      return h("div", {}, name, h("b", {}, value), interval ? h("span", { class: "muted" }, interval) : null, h("span", { class: "muted" }, more));
    }));
  }
  function drawRounds(series, own, otherSeries, other) {
    const points = [[series, own], ...other ? [[otherSeries, other]] : []].flatMap(([each, found]) => found.x.flatMap((y, at) => y === null ? [] : [{ series: each, at: at + 1, y, own: each === series, text: [`round ${at + 1}`, `${label(series)} ${number(own.x[at])}`, ...other ? [`${label(otherSeries)} ${number(other.x[at])}`] : []].join("\n") }]));
    const element = $("#sheet-rounds");
    if (!points.length) {
      element.replaceChildren(h("p", { class: "note" }, "No round has a valid figure."));
      $("#sheet-rounds-note").textContent = "";
      return;
    }
    const pairs = other ? own.x.flatMap((y, at) => y !== null && other.x[at] !== null && other.x[at] !== void 0 ? [{ at: at + 1, from: y, to: other.x[at] }] : []) : [];
    put(element, `${unit()} of each round. The table below holds the values.`, {
      height: HEIGHT,
      marginLeft: 52,
      marginTop: 8,
      marginBottom: 34,
      marginRight: 10,
      x: { domain: [0.5, own.x.length + 0.5], label: null, axis: null },
      y: { domain: [0, Math.max(...points.map((point) => point.y)) * 1.04], label: null, axis: null },
      marks: [
        round === null ? null : ruleX([round], { stroke: "var(--band)", strokeWidth: 16 }),
        ...linearY((value) => value.toLocaleString("en")),
        axisX({ ticks: Math.min(own.x.length, 10), tickFormat: (value) => Number.isInteger(value) ? String(value) : "", tickSize: 0, label: "round →", labelAnchor: "right", labelArrow: "none" }),
        own.y ? ruleY([own.y[0]], { stroke: colour(series), strokeDasharray: "3 3" }) : null,
        ruleX(pairs, { x: "at", y1: "from", y2: "to", stroke: "var(--line)", strokeWidth: 3 }),
        dot(points, { x: "at", y: "y", fill: (point) => point.own ? colour(point.series) : "var(--paper)", stroke: (point) => point.own ? "var(--paper)" : colour(point.series), r: 5, strokeWidth: 1.6 }),
        tipOf(points, { x: "at", y: "y" })
      ]
    }, (point) => {
      round = round === point.at ? null : point.at;
      drawSheet();
    });
    const ahead = pairs.filter((pair) => D.loads[load()].cpu ? pair.from < pair.to : pair.from > pair.to).length;
    $("#sheet-rounds-note").textContent = [`Filled: ${label(series)}.`, ...other ? [`Open: ${label(otherSeries)}, in the same round. ${label(series)} was ahead in ${ahead} of ${pairs.length}.`] : [], "A click on a round shows its own histogram."].join(" ");
  }
  function unrolled([first, ...counts]) {
    const found = [];
    let bin = first;
    for (const each of counts) {
      if (each < 0) bin -= each;
      else found.push([bin++, each]);
    }
    return found;
  }
  var edge = (bin) => 2 ** (bin / 8);
  function binsOf(histograms) {
    const sums = /* @__PURE__ */ new Map();
    let total = 0;
    for (const [bin, amount] of histograms.flatMap(unrolled)) {
      sums.set(bin, (sums.get(bin) ?? 0) + amount);
      total += amount;
    }
    return [...sums].sort(([one], [other]) => one - other).map(([bin, amount]) => ({ x1: edge(bin), x2: edge(bin + 1), y: 100 * amount / total }));
  }
  var stairs = (bins) => bins.flatMap((bin, at) => [
    ...at && bins[at - 1].x2 < bin.x1 * 0.999 ? [{ x: bins[at - 1].x2, y: 0 }, { x: bin.x1, y: 0 }] : [],
    { x: bin.x1, y: bin.y },
    { x: bin.x2, y: bin.y }
  ]);
  function drawHistogram(series, own, otherSeries, other) {
    const element = $("#sheet-histogram");
    const mine = binsOf(own.h), theirs = other ? binsOf(other.h) : [];
    if (!mine.length) {
      element.replaceChildren(h("p", { class: "note" }, "No valid repeat has latencies."));
      $("#sheet-histogram-note").textContent = "";
      return;
    }
    const at = round === null ? -1 : own.hr.indexOf(round - 1);
    const one = at < 0 ? [] : binsOf([own.h[at]]);
    const all = [...mine, ...theirs];
    const low = Math.min(...all.map((bin) => bin.x1)), high = Math.max(...all.map((bin) => bin.x2));
    const width = widthOf(element), left = 40, right = 12;
    const place = (us) => left + Math.log(us / low) / Math.log(high / low) * (width - left - right);
    const points = mine.map((bin) => ({ ...bin, x: Math.sqrt(bin.x1 * bin.x2), text: `${time(bin.x1)} to ${time(bin.x2)}
${number(bin.y)} % of requests` }));
    put(element, `Histogram of latencies of ${label(series)}.`, {
      height: HEIGHT,
      marginLeft: left,
      marginTop: 8,
      marginBottom: 36,
      marginRight: right,
      x: { type: "log", domain: [low, high], label: null, axis: null },
      y: { label: null, domain: [0, Math.max(...[...all, ...one].map((bin) => bin.y)) * 1.05], axis: null },
      marks: [
        gridY({ ...GRID, ticks: 4 }),
        rectY(points, { x1: "x1", x2: "x2", y1: 0, y2: "y", fill: colour(series), fillOpacity: 0.75 }),
        theirs.length ? line(stairs(theirs), { x: "x", y: "y", stroke: colour(otherSeries), strokeWidth: 1.3, strokeDasharray: "3 2" }) : null,
        one.length ? line(stairs(one), { x: "x", y: "y", stroke: "var(--ink)", strokeWidth: 1.6 }) : null,
        ...xWords(sparse(logTicks(low, high).filter((us) => us >= low && us <= high), place, 52), tick, "latency →"),
        axisY({ ticks: 4, tickSize: 0, tickFormat: (value) => `${value} %`, label: null }),
        tipOf(points, { x: "x", y: "y" }, "x")
      ]
    });
    $("#sheet-histogram-note").textContent = [`Share of requests by latency${round === null ? ", all rounds" : `; the dark line is round ${round}`}.`, ...theirs.length ? [`Dashed: ${label(otherSeries)}.`] : []].join(" ");
  }
  function step(by) {
    const order = orderOf(load(), base());
    const at = order.indexOf(labels().indexOf(state.cell));
    round = null;
    set({ cell: label(order[(at + by + order.length) % order.length]) });
  }
  function startSheet() {
    const dialog = $("#sheet");
    dialog.addEventListener("close", () => {
      if (!state.cell) return;
      state.cell = "";
      writeHash();
      opener?.isConnected && opener.focus();
    });
    dialog.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (event.target === dialog || button?.id === "sheet-close") dialog.close();
      else if (button?.dataset.step) step(Number(button.dataset.step));
    });
    dialog.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || event.target.closest("input, select, .scroll")) return;
      event.preventDefault();
      step(by);
    });
  }

  // source/main.js
  var REDRAW_MS = 120;
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
      const head2 = $("th", row);
      head2.replaceChildren(h("a", { href: "#answer" }, head2.textContent));
      head2.addEventListener("click", (event) => {
        event.preventDefault();
        showLoad(Number(row.dataset.load));
        goTo("answer");
      });
    }
    for (const row of $$("#numbers tr[data-series]")) {
      const head2 = $("th", row);
      head2.replaceChildren(h("button", { class: "row-name", "data-row": "" }, head2.textContent));
    }
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-row], [data-cell], [data-view]");
      if (!button) return;
      if ("view" in button.dataset) set({ view: button.dataset.view });
      else if ("cell" in button.dataset) set({ cell: label(Number(button.dataset.cell)) });
      else {
        const { load: load2, series } = button.closest("tr").dataset;
        showLoad(Number(load2), { cell: label(Number(series)) });
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
    let width = innerWidth, timer2;
    addEventListener("resize", () => {
      if (innerWidth === width) return;
      width = innerWidth;
      clearTimeout(timer2);
      measureToolbar();
      timer2 = setTimeout(() => draw(), REDRAW_MS);
    });
    addEventListener("beforeprint", () => $$("details.behind").forEach((details) => details.open = true));
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
    for (const element of $$(".elsewhere")) element.hidden = true;
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
  globalThis.pageWords = words_exports;
  start();
})();
