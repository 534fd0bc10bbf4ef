// What every page does: theme and language at once, menus that close, tables and forms that help.

import * as keys from "./keys.js";
import { t } from "./lang.js";

// Theme: painted at once, then stored by the server.
for (const form of document.querySelectorAll("form[data-preferences]")) {
  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (button?.name !== "theme") return; // a language needs the page anew
    event.preventDefault();
    paint(button.value);
    const data = new URLSearchParams(new FormData(form, button));
    // Kept alive: it arrives even if the reader is on the way to another page already.
    await fetch(form.action, { method: "POST", body: data, redirect: "manual", keepalive: true });
  });
}

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  const media = { dark: "all", light: "not all" };
  document.getElementById("dark-theme").media = media[theme] ?? "(prefers-color-scheme: dark)";
  for (const button of document.querySelectorAll('button[name="theme"]')) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}

// <button data-opens="id"> shows and hides an element by its class `open`.
for (const button of document.querySelectorAll("[data-opens]")) {
  button.addEventListener("click", () => {
    const open = document.getElementById(button.dataset.opens).classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
  });
}

// <details data-closes> closes on a click elsewhere and on Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-closes][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-closes][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// <button data-keys> shows the shortcuts; <button data-dialog="id"> opens a dialog.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) keys.help();
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  const closer = event.target.closest("dialog [data-close]");
  if (closer) closer.closest("dialog").close();
});

// <form data-confirm="…"> asks first; <select data-submits> sends its form when changed.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// Rows of <table data-rows>: a click opens the row's first link, J/K and arrows walk, Enter opens.
const table = document.querySelector("table[data-rows]");
if (table) {
  const rows = () => [...table.tBodies[0].rows];
  const link = (row) => row.querySelector("a[href]");
  table.addEventListener("click", (event) => {
    if (event.target.closest("a, button, input, label, select") || String(window.getSelection())) return;
    const row = event.target.closest("tbody tr");
    if (row) link(row)?.click();
  });
  const walk = (step) => () => {
    const all = rows();
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step];
    if (next) link(next)?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  keys.bind({
    "j, ArrowDown": [t("下一行", "Next row"), walk(1)],
    "k, ArrowUp": [t("上一行", "Previous row"), walk(-1)],
  });
}

const search = document.querySelector('input[type="search"]');
if (search) keys.bind({ "/": [t("搜索", "Search"), () => search.focus()] });

// <button data-copy="id"> puts an element's text on the clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = t("已复制", "Copied");
});
