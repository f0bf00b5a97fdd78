// Nodes of the page.

export function node(tag, className, properties = {}, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

let drawnNames = 0;

export const freshName = () => `am-picture-${++drawnNames}`;

export const whole = (value) => Math.round(value).toLocaleString("en");

// "12 %", "0.1 %", "99.9 %": no finer than it takes to tell it from 0 and 100 %.
export function percent(share) {
  const value = 100 * share;
  const edge = Math.min(value, 100 - value) + 1e-9;
  const digits = edge >= 1 || value === 0 || value === 100 ? 0 : Math.min(3, Math.ceil(-Math.log10(edge)));
  return `${value.toFixed(digits)} %`;
}
