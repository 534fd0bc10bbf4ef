// Keyboard shortcuts, and the sheet that `?` opens with those of this page.
//
//   keys.bind({
//     "space": [t("播放 / 暂停", "Play / pause"), () => player.toggle()],
//     "j, ArrowLeft": [t("后退", "Back"), back],
//     "ctrl+enter": [t("保存", "Save"), save],
//   });
//
// Names: a letter or sign as typed ("y", "[", "?"), or space, enter, escape, ArrowLeft, …
// with ctrl+, alt+ or shift+ before it. While a field is typed into, only ctrl+ and alt+
// shortcuts and escape work, so that letters stay letters.

import { el } from "./dom.js";
import { t } from "./lang.js";

const bound = new Map(); // key → action
const listed = []; // [keys, text], as bound

const FIELDS = "input:not([type=checkbox]):not([type=radio]):not([type=range]):not([type=button]):not([type=submit]), textarea, select, [contenteditable]";

export function bind(shortcuts) {
  for (const [names, [text, action]] of Object.entries(shortcuts)) {
    const keys = names.split(/,\s+/).map(normal);
    for (const key of keys) bound.set(key, action);
    listed.push([keys, text]);
  }
}

function normal(name) {
  const parts = name === "+" ? ["+"] : name.split("+");
  const key = parts.pop();
  return [...parts.map((part) => part.toLowerCase()).sort(), key.length > 1 ? key.toLowerCase() : key].join("+");
}

function pressed(event) {
  let key = event.key === " " ? "space" : event.key;
  if (key.length > 1) key = key.toLowerCase();
  const marks = [];
  if (event.altKey) marks.push("alt");
  if (event.ctrlKey || event.metaKey) marks.push("ctrl");
  // A capital or a sign already says that Shift was held.
  if (event.shiftKey && key.length > 1) marks.push("shift");
  return [...marks, key].join("+");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const key = pressed(event);
  // A dialog that has just been closed keeps the focus until the next frame, and whoever is quick
  // presses a key before that: it is meant for the page.
  const at = event.target.closest?.("dialog:not([open])") ? document.body : event.target;
  const typing = at.closest?.(FIELDS);
  // What lies on top of the page has the keyboard to itself; Escape closes it.
  if (document.querySelector("dialog[open], details[data-closes][open]")) return;
  if (typing && !/^(alt|ctrl)\+|^escape$/.test(key)) return;
  // Space and Enter on a button or link press it, whatever else they mean on the page.
  if (/^(space|enter)$/.test(key) && at.closest?.("button, a[href], summary, input, [role=button], [role=tab]")) return;
  const action = bound.get(key) ?? (key.length === 1 ? bound.get(key.toLowerCase()) : undefined);
  if (!action) return;
  event.preventDefault();
  action(event);
});

const NAMES = {
  space: t("空格", "Space"),
  enter: "Enter",
  escape: "Esc",
  arrowleft: "←",
  arrowright: "→",
  arrowup: "↑",
  arrowdown: "↓",
  ctrl: "Ctrl",
  alt: "Alt",
  shift: "Shift",
};

function shown(key) {
  const parts = key === "+" ? ["+"] : key.split("+");
  return parts.map((part) => NAMES[part] ?? part.toUpperCase()).join(" + ");
}

let sheet = null;

export function help() {
  if (sheet?.open) return;
  sheet?.remove();
  const list = el("dl", { class: "keys-list" });
  for (const [keys, text] of listed) {
    const marks = keys.flatMap((key, i) => (i ? [" ", el("kbd", {}, shown(key))] : [el("kbd", {}, shown(key))]));
    list.append(el("dt", {}, ...marks), el("dd", {}, text));
  }
  sheet = el(
    "dialog",
    { "aria-labelledby": "keys-title" },
    el("h2", { id: "keys-title" }, t("键盘快捷键", "Keyboard shortcuts")),
    list,
    el("form", { method: "dialog", class: "button-row dialog-foot" }, el("button", { class: "button primary" }, t("关闭", "Close"))),
  );
  document.body.append(sheet);
  sheet.showModal();
}

bind({ "?": [t("显示快捷键", "Show the shortcuts"), help] });
