// Small helpers to build elements. Text always goes in as text, never as markup.

// el("b", {class: "x", title: "…"}, "text", child, …); attributes that are null or false are left out.
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
const sprite = new URL("../icons.svg", import.meta.url).pathname;

// A symbol of icons.svg; with a label it speaks for itself, without one it is decoration.
export function icon(name, label = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

// Change the symbol of an icon that stands already.
export function setIcon(svg, name) {
  svg.firstElementChild.setAttribute("href", `${sprite}#${name}`);
}

// Write text only where it differs: an unchanged node costs no layout.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Make a node like another by changing what differs and nothing else. Returns the one that stands.
export function become(node, now) {
  if (node.nodeName !== now.nodeName) {
    node.replaceWith(now);
    return now;
  }
  if (node.nodeType === Node.TEXT_NODE) {
    if (node.data !== now.data) node.data = now.data;
    return node;
  }
  for (const { name } of [...node.attributes]) if (!now.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of now.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  const fresh = [...now.childNodes];
  const old = [...node.childNodes];
  fresh.forEach((child, i) => (old[i] ? become(old[i], child) : node.append(child)));
  for (const child of old.slice(fresh.length)) child.remove();
  return node;
}
