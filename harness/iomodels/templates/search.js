// Built from harness/page/source by harness/page/build.mjs.
(() => {
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

  // loaded:library
  var plot = (...given) => globalThis.Plot.plot(...given);
  var axisY = (...given) => globalThis.Plot.axisY(...given);
  var dot = (...given) => globalThis.Plot.dot(...given);
  var gridY = (...given) => globalThis.Plot.gridY(...given);
  var line = (...given) => globalThis.Plot.line(...given);
  var pointer = (...given) => globalThis.Plot.pointer(...given);
  var pointerX = (...given) => globalThis.Plot.pointerX(...given);
  var ruleX = (...given) => globalThis.Plot.ruleX(...given);
  var ruleY = (...given) => globalThis.Plot.ruleY(...given);
  var text = (...given) => globalThis.Plot.text(...given);
  var tip = (...given) => globalThis.Plot.tip(...given);

  // source/data.js
  var FORMAT = 1;
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
  var markerOf = (series) => D.series[D.series[series].of ?? series].look[2];
  var isHollow = (series) => D.series[series].of !== null || D.ab && D.series[series].label.endsWith("@old");
  var fillOf = (series) => isHollow(series) ? "var(--paper)" : colour(series);
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

  // source/chart.js
  var STYLE = { fontSize: "12px", background: "transparent", color: "var(--ink)" };
  var TIP = { fontSize: 12, lineHeight: 1.25, fill: "var(--paper)", stroke: "var(--line)", textPadding: 7, preferredAnchor: "bottom" };
  var LEAST_WIDTH = 240;
  var GRID = { stroke: "var(--line)", strokeOpacity: 1 };
  var widthOf = (element) => Math.max(LEAST_WIDTH, Math.floor(element.getBoundingClientRect().width));
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
  function sparse(ticks, place2, width) {
    const kept = [];
    for (const tick2 of ticks) {
      if (kept.length && place2(tick2) - place2(kept.at(-1)) < width) {
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

  // source/state.js
  var EMPTY = { c: null, s: null, b: "", hide: "", view: "value", cell: "" };
  var state = { ...EMPTY };

  // source/words.js
  var NOTHING = "–";
  var NB = " ";
  var UNITS = [["s", 1e6], ["ms", 1e3], ["µs", 1], ["ns", 1e-3]];
  var unitOf = (us) => UNITS.find(([, scale]) => us >= scale) ?? UNITS.at(-1);
  function tick(us) {
    const [unit, scale] = unitOf(us * 1.001);
    return `${Number((us / scale).toPrecision(6)).toLocaleString("en")}${NB}${unit}`;
  }

  // source/frame.js
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
  var chip = (series) => h("button", { class: "chip", "aria-pressed": "true", "data-hide": label(series), "data-series": series, title: `Show or hide ${label(series)} in the charts` }, icon(series), label(series));
  function startHighlight() {
    document.addEventListener("mouseover", (event) => {
      const found = event.target.closest?.(".chip, #ranking tr[data-series]")?.dataset.series;
      for (const plot2 of $$("main .plot")) {
        plot2.classList.toggle("dimmed", found !== void 0);
        for (const group of $$("[data-series]", plot2)) group.classList.toggle("on", group.dataset.series === found);
      }
    });
  }

  // source/tables.js
  var UNITS2 = { ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1 };
  function keyOf(row, column) {
    const text2 = row.cells[column].textContent.trim();
    const found = /^([+−-]?[\d,]*\.?\d+)\s*(ns|µs|ms|s)?(?![\w/])/.exec(text2);
    if (text2 === NOTHING) return null;
    return found ? parseFloat(found[1].replace(/,/g, "").replace("−", "-")) * (UNITS2[found[2]] ?? 1) : text2;
  }
  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), "en");
  }
  function sortBy(table, head) {
    const column = [...head.parentNode.children].indexOf(head);
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, column), row]);
    rows.sort(([one], [other]) => one === null || other === null ? (one === null) - (other === null) : sign * compare(one, other));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }
  function makeSortable(table) {
    for (const head of table.tHead.rows[0].cells) {
      const button = h("button", {}, [...head.childNodes]);
      head.append(button);
      button.addEventListener("click", () => sortBy(table, head));
    }
  }

  // source/search.js
  var HEIGHT = 330;
  var TOP = 12;
  var BOTTOM = 38;
  var LEFT = 62;
  var RIGHT = 16;
  var BAR = 5;
  var REDRAW_MS = 120;
  var FORMATS = { count: (value) => value.toLocaleString("en"), time: tick, percent: (share) => `${100 * share} %` };
  var hidden2 = /* @__PURE__ */ new Set();
  var inside = (axis, value) => value >= axis.d[0] && value <= axis.d[1];
  var ticksOf = (axis) => axis.at ?? (axis.k === "log" ? logTicks(...axis.d).filter((value) => inside(axis, value)) : null);
  var shown = (marks) => marks.filter(([series]) => !hidden2.has(series));
  function place(axis, value, from, to) {
    const [low, high] = axis.d;
    const share = axis.k === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return from + share * (to - from);
  }
  function yMarks(axis) {
    const at = ticksOf(axis), format = FORMATS[axis.u];
    if (!at) return linearY(format);
    const kept = sparse(at, (value) => place(axis, value, 0, HEIGHT - TOP - BOTTOM), 16);
    return [gridY(kept, GRID), text(kept, { y: (value) => value, frameAnchor: "left", textAnchor: "end", dx: -6, text: format })];
  }
  function rule([axis, value, words]) {
    const style = { stroke: "var(--open)", strokeDasharray: "4 3" };
    return axis === "x" ? [ruleX([value], style), text([value], { x: value, frameAnchor: "bottom-left", text: [words], rotate: -90, dx: -7, dy: -6, textAnchor: "start", fill: "var(--muted)" })] : [ruleY([value], style), text([value], { y: value, frameAnchor: "left", text: [words], dx: 4, dy: -8, textAnchor: "start", fill: "var(--muted)" })];
  }
  function marksOf(series, points) {
    const more = { ariaDescription: String(series) };
    const style = (point) => ({ full: [colour(series), "var(--paper)"], hollow: ["var(--paper)", colour(series)], missed: [colour(series), "var(--paper)"] })[point.style];
    const rings = points.flatMap((point) => Array.from({ length: point.rings }, (_, ring) => ({ ...point, r: 8 + 3 * ring })));
    return [
      ruleX(points.filter((point) => point.low !== null), { ...more, x: "x", y1: "low", y2: (point) => point.high ?? Number.MAX_VALUE, stroke: colour(series), strokeWidth: 1.3, strokeOpacity: 0.6 }),
      dot(points, { ...more, x: "x", y: "y", r: "r", symbol: (point) => point.style === "missed" ? symbol("X") : symbolOf(series), fill: (point) => style(point)[0], stroke: (point) => style(point)[1], strokeWidth: 1.2 }),
      dot(rings, { ...more, x: "x", y: "y", r: "r", stroke: "var(--ink)", strokeWidth: 1 })
    ];
  }
  function draw() {
    D.charts.forEach((chart, at) => drawChart($$("#charts .plot")[at], chart));
  }
  function drawChart(element, chart) {
    const points = shown(chart.points).map(([series, x, y, low, high, style, rings, r, words]) => ({ series, x, y, low, high, style, rings, r, text: words }));
    const width = widthOf(element);
    const format = FORMATS[chart.x.u];
    const xTicks = ticksOf(chart.x) ?? [];
    const widest = Math.max(0, ...xTicks.map((value) => format(value).length));
    const kept = sparse(xTicks, (value) => place(chart.x, value, LEFT, width - RIGHT), 7 * widest + 8);
    put(element, `${chart.name} The table below holds the values.`, {
      height: HEIGHT,
      marginLeft: LEFT,
      marginRight: RIGHT,
      marginTop: TOP,
      marginBottom: BOTTOM,
      r: { type: "identity" },
      x: { type: chart.x.k, domain: chart.x.d, label: null, axis: null, clamp: true },
      y: { type: chart.y.k, domain: chart.y.d, label: null, axis: null, clamp: true },
      marks: [
        ...yMarks(chart.y),
        ...xWords(kept, format, `${chart.x.t} →`),
        ...chart.rules.flatMap(rule),
        ...shown(chart.bars).map(([series, low, high, y]) => ruleY([y], { ariaDescription: String(series), x1: low, x2: high, stroke: colour(series), strokeWidth: BAR, strokeOpacity: 0.5 })),
        ...shown(chart.lines).map(([series, path]) => line(path, { ariaDescription: String(series), stroke: colour(series), strokeWidth: 1.7 })),
        ...D.series.flatMap((_, series) => marksOf(series, points.filter((point) => point.series === series))),
        tipOf(points, { x: "x", y: "y" })
      ]
    });
  }
  function makeChips() {
    const chips = $("#chips");
    chips.hidden = D.series.length < 2;
    chips.replaceChildren(...D.series.map((_, series) => chip(series)));
    chips.addEventListener("click", (event) => {
      const found = event.target.closest(".chip");
      if (!found) return;
      const series = Number(found.dataset.series);
      if (!hidden2.delete(series)) hidden2.add(series);
      if (hidden2.size === D.series.length) hidden2.delete(series);
      found.setAttribute("aria-pressed", String(!hidden2.has(series)));
      draw();
    });
  }
  function redrawWhenResized() {
    let width = innerWidth, timer;
    addEventListener("resize", () => {
      if (innerWidth === width) return;
      width = innerWidth;
      clearTimeout(timer);
      timer = setTimeout(draw, REDRAW_MS);
    });
  }
  async function start() {
    startTheme();
    for (const table of $$("table.sortable")) makeSortable(table);
    $(".tools").hidden = false;
    if (typeof DecompressionStream !== "function") return;
    const library = h("script", {});
    library.textContent = await unpacked("plot");
    document.head.append(library);
    await loadData();
    $("#drawn").hidden = false;
    $("#static").hidden = true;
    makeChips();
    $("#charts").replaceChildren(...D.charts.map((chart) => h("figure", {}, h("p", { class: "plot-title" }, chart.t), h("div", { class: "plot" }))));
    draw();
    startHighlight();
    redrawWhenResized();
    addEventListener("beforeprint", () => $$("details").forEach((details) => details.open = true));
    document.documentElement.dataset.drawn = "";
  }
  start();
})();
