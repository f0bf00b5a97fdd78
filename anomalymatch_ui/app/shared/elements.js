// Elements of the page.

export function element(tag, className, properties = {}, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A button whose click leaves the focus where it is, so that keys go on to mean the images.
export function quietButton(className, properties, clicked) {
  const button = element("button", className, { type: "button", ...properties });
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", clicked);
  return button;
}

// Set properties that differ from what they are: the browser lays text out anew that is set to what it says already.
export function update(node, properties) {
  for (const [name, value] of Object.entries(properties)) if (node[name] !== value) node[name] = value;
}

// An id that no other element has, also of another dashboard on the page.
export const freshName = () => `am-${Math.random().toString(36).slice(2)}`;
