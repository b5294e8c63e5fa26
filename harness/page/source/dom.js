// Elements of the page: finding them, making them. Text never becomes markup.

export const $ = (query, within = document) => within.querySelector(query);
export const $$ = (query, within = document) => [...within.querySelectorAll(query)];

// h("p", {class: "small"}, "text", element): an attribute that is null or false is left out.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A command breaks between its words only.
export const command = (text) => text.split(" ").flatMap((word, at) => [at ? " " : "", h("span", {class: "word"}, word)]);

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// The text as nodes, with every name in bold.
export function bold(text, names) {
  if (!names.length) return [text];
  const longestFirst = [...names].sort((one, other) => other.length - one.length).map(escaped).join("|");
  const parts = text.split(new RegExp(`(?<![\\w@])(${longestFirst})(?![\\w@=])`));
  return parts.filter(Boolean).map((part) => (names.includes(part) ? h("b", {}, part) : part));
}
