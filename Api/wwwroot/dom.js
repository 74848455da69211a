/** A few words for what the DOM says in many. */

export const $ = id => document.getElementById(id);

/** Sets a text only where it differs, so that nothing that listens is told twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** An element with attributes and children; `null` children are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter(child => child != null));
  return element;
}

/** The same in SVG. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
