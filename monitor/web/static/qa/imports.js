// Uploads one file at a time with a bar each, and bars of the scoring that move.

import { get } from "../js/api.js";
import { el } from "../js/dom.js";
import { t } from "../js/lang.js";

const EVERY_MS = 1000;
const form = document.getElementById("upload");
const list = document.getElementById("uploads");
const problem = document.getElementById("upload-problem");
const files = form.elements.files;

// --- uploading -------------------------------------------------------------------------------

const drop = document.getElementById("drop");
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") files.files = event.dataTransfer.files;
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.textContent = "";
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const told = [];
  for (const file of [...files.files]) told.push(await send(file));
  button.disabled = false;
  const right = told.filter(Boolean);
  const odd = unmatched(right);
  problem.textContent = odd.join(" ");
  if (right.length === told.length && !odd.length) location.assign("/imports");
});

// Each file went up by itself: a row of the table is left over when none of them had it.
function unmatched(told) {
  const without = told.flatMap((one) => one.without_row ?? []);
  const left = (told[0]?.rows_left ?? []).filter((row) => told.every((one) => one.rows_left.includes(row)));
  const some = (names) => names.slice(0, 5).join(t("、", ", ")) + (names.length > 5 ? "…" : "");
  const lines = [];
  if (without.length) lines.push(t("通话信息表里没有这些录音：", "Not in the table: ") + some(without));
  if (left.length) lines.push(t("通话信息表里这些行没有对应的录音：", "Rows without a recording: ") + some(left));
  return lines;
}

function send(file) {
  const data = new FormData(form);
  data.delete("files");
  data.append("files", file);
  const bar = el("progress", { max: 1, value: 0, "aria-label": file.name });
  const state = el("span", { class: "muted" }, t("上传中", "Uploading"));
  list.append(el("li", {}, el("span", {}, file.name), bar, state));
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
    });
    request.addEventListener("loadend", () => {
      const right = request.status === 202;
      bar.hidden = true;
      state.className = right ? "badge ok" : "error";
      state.textContent = right ? t("已收到", "Received") : reason(request);
      done(right ? JSON.parse(request.responseText) : null);
    });
    request.send(data);
  });
}

function reason(request) {
  try {
    const { detail } = JSON.parse(request.responseText);
    if (typeof detail === "string") return detail;
  } catch {
    // not JSON: the connection broke, or something before our server refused
  }
  return request.status ? `HTTP ${request.status}` : t("连接断开，请重试", "The connection broke; try again");
}

// --- progress --------------------------------------------------------------------------------

const BADGES = { done: "badge ok", failed: "badge error", scoring: "badge accent" };

function moving() {
  return [...document.querySelectorAll("tr[data-import]")].filter((row) => /waiting|scoring/.test(row.dataset.status));
}

async function refresh() {
  const rows = moving();
  if (!rows.length) return;
  if (!document.hidden) {
    const asked = rows.map((row) => `number=${row.dataset.import}`).join("&");
    try {
      const { imports, counts } = await get(`/imports/progress?${asked}`);
      for (const told of imports) show(document.querySelector(`tr[data-import="${told.id}"]`), told);
      for (const place of document.querySelectorAll("[data-count]")) {
        const name = place.dataset.count;
        const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
        place.textContent = name ? (counts[name] ?? 0) : all;
      }
    } catch {
      // asked again below: the server may be starting anew
    }
  }
  setTimeout(refresh, EVERY_MS);
}

function show(row, told) {
  const part = (name) => row.querySelector(`[data-part="${name}"]`);
  row.dataset.status = told.status;
  part("text").textContent = told.text;
  part("text").className = BADGES[told.status] ?? "badge";
  const bar = row.querySelector("progress");
  bar.value = told.progress;
  bar.hidden = !/waiting|scoring/.test(told.status);
  part("reason").textContent = told.reason;
  if (told.status === "done") {
    part("score").textContent = told.score ?? "";
    const name = row.cells[0];
    if (told.call && !name.querySelector("a")) name.replaceChildren(el("a", { href: `/calls/${told.call}` }, told.name));
  }
}

setTimeout(refresh, EVERY_MS);
