// Nodes of the page.

// Set properties that differ from what they are: the browser lays text out anew that is set to what it says already.
export function update(node, properties) {
  for (const [name, value] of Object.entries(properties)) if (node[name] !== value) node[name] = value;
}

export function element(tag, className, properties = {}) {
  const node = document.createElement(tag);
  node.className = className;
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  return node;
}
