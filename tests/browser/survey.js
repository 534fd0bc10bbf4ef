// What is wrong with the page as it stands, as a list of sentences. Run in the page by
// tests/browser/test_pages.py; needs no library.
() => {
  const wrong = [];
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const brief = (e) => {
    const text = (e.textContent || "").trim().replace(/\s+/g, " ").slice(0, 30);
    return `<${e.tagName.toLowerCase()}${e.id ? ` id=${e.id}` : ""}${e.className && e.getAttribute("class") ? ` class="${e.getAttribute("class")}"` : ""}> ${text}`;
  };

  // --- layout
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const clipped = (e) => e.parentElement && (getComputedStyle(e.parentElement).overflowX !== "visible" || clipped(e.parentElement));
    const wide = [...document.body.querySelectorAll("*")].filter((e) => shown(e) && !clipped(e) && e.getBoundingClientRect().right > root.clientWidth);
    wrong.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}; ${wide.slice(0, 3).map(brief).join(" | ")}`);
  }

  // --- structure
  if (!/^(zh-CN|en)$/.test(root.lang)) wrong.push(`language ${root.lang}`);
  if (!document.title.trim()) wrong.push("no title");
  const heads = [...document.querySelectorAll("h1")].filter((e) => e.checkVisibility());
  if (heads.length !== 1) wrong.push(`${heads.length} h1: ${heads.map(brief).join(" | ")}`);
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) wrong.push(`id twice: ${id}`);
  for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls], label[for]")) {
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
      for (const id of (e.getAttribute(name) || "").split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) wrong.push(`${name}=${id} leads nowhere: ${brief(e)}`);
      }
    }
  }
  for (const e of document.querySelectorAll("[tabindex]")) if (e.tabIndex > 0) wrong.push(`tabindex ${e.tabIndex}: ${brief(e)}`);
  for (const e of document.querySelectorAll("table")) if (shown(e) && !e.querySelector("th")) wrong.push(`table without headings: ${brief(e)}`);

  // --- names
  const named = (e) => {
    if (e.getAttribute("aria-label")?.trim() || e.title?.trim()) return true;
    const by = e.getAttribute("aria-labelledby");
    if (by && by.split(/\s+/).some((id) => document.getElementById(id)?.textContent.trim())) return true;
    if (e.labels && [...e.labels].some((label) => label.textContent.trim())) return true;
    if (e.matches("input[type=submit], input[type=button]") && e.value) return true;
    if (e.matches("input, select, textarea")) return false;
    // What is not displayed gives no name; what is hidden visually does. Links in charts are SVG.
    return Boolean((e.innerText ?? e.textContent).trim() || e.querySelector("[aria-label], img[alt]:not([alt=''])"));
  };
  for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=tab], dialog[open]")) {
    if (shown(e) && !named(e)) wrong.push(`has no name: ${brief(e)}`);
  }
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) wrong.push(`img without alt: ${e.src}`);
  for (const e of document.querySelectorAll("svg")) {
    if (!e.closest("[aria-hidden=true]") && e.getAttribute("role") !== "img" && !e.querySelector("title, a, [role]")) wrong.push(`svg neither hidden nor named: ${brief(e)}`);
    for (const use of e.querySelectorAll("use")) {
      if (shown(e) && e.getBoundingClientRect().width > 0 && use.getBoundingClientRect().width === 0) wrong.push(`empty symbol: ${use.getAttribute("href")}`);
    }
  }
  for (const e of document.querySelectorAll('[aria-hidden="true"]')) {
    const inside = e.querySelector("a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']");
    if (inside && shown(inside) && inside.tabIndex >= 0) wrong.push(`hidden from readers but takes the focus: ${brief(inside)}`);
  }

  // --- contrast, of what is computed: WCAG 2.1, 4.5:1, or 3:1 for large text
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const cache = new Map();
  const rgba = (colour) => {
    if (!cache.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      cache.set(colour, [r, g, b, a / 255]);
    }
    return cache.get(colour);
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null; // not for us to tell
      const colour = rgba(style.backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), rgba("Canvas"));
  };
  const light = ([r, g, b]) => {
    const part = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ratio = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.data.trim() || !shown(e) || e.closest(":disabled, [aria-disabled=true], .visually-hidden, option, script, style")) continue;
    const box = e.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const style = getComputedStyle(e);
    const back = ground(e);
    if (!back) continue;
    const ink = e.closest("svg") ? style.fill : style.color;
    if (ink === "none") continue;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const is = ratio(over(rgba(ink), back), back);
    const key = `${ink} ${back} ${large}`;
    if (is < (large ? 3 : 4.5) && !seen.has(key)) {
      seen.add(key);
      wrong.push(`contrast ${is.toFixed(2)} of ${ink} on rgb(${back.slice(0, 3).map(Math.round)}): ${brief(e)}`);
    }
  }
  // Borders of what is filled in, 3:1 against what lies around.
  for (const e of document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio], [type=range], [type=file]), select, textarea")) {
    if (!shown(e) || e.closest(".visually-hidden") || e.disabled) continue;
    const back = ground(e.parentElement);
    const style = getComputedStyle(e);
    if (!back || style.borderTopStyle === "none") continue;
    const is = ratio(over(rgba(style.borderTopColor), back), back);
    if (is < 3) wrong.push(`border contrast ${is.toFixed(2)}: ${brief(e)}`);
  }
  return wrong;
}
