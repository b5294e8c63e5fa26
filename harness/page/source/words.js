// Numbers as iomodels/base/words.py writes them: three significant digits, a real minus.

export const NOTHING = "–";
const NB = "\u00a0";
const UNITS = [["s", 1e6], ["ms", 1e3], ["µs", 1], ["ns", 1e-3]];

export function number(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value === 0) return "0";
  const near = Number(value.toPrecision(3));
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(near))));
  return minus(near.toLocaleString("en", {minimumFractionDigits: decimals, maximumFractionDigits: decimals}));
}

// A value that a narrow column breaks before its interval only.
export const unbroken = (text) => text.replaceAll(" ", NB).replace(`${NB}[`, " [");

export const minus = (text) => String(text).replace("-", "−");
export const count = (value, noun) => `${value.toLocaleString("en")}${NB}${noun}${value === 1 ? "" : "s"}`;

const unitOf = (us) => UNITS.find(([, scale]) => us >= scale) ?? UNITS.at(-1);

export function time(us) {
  if (us === null || us === undefined) return NOTHING;
  const near = Number(us.toPrecision(3));
  const [unit, scale] = unitOf(near);
  return `${number(near / scale)}${NB}${unit}`;
}

// A given time, as on an axis: "200 µs", "5 ms".
export function tick(us) {
  const [unit, scale] = unitOf(us * 1.001);
  return `${Number((us / scale).toPrecision(6)).toLocaleString("en")}${NB}${unit}`;
}

export const signedPercent = (value) => minus(`${value > 0 ? "+" : ""}${value}${NB}%`);
export const percentile = (percent) => `p${percent}`;
