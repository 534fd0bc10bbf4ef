// The call page: player, waveform, transcript and findings, made to move together.

import { post, put } from "../js/api.js";
import { el } from "../js/dom.js";
import * as keys from "../js/keys.js";
import { clock, t } from "../js/lang.js";
import { Findings, rules } from "./findings.js";
import { Transport } from "./transport.js";

const $ = (id) => document.getElementById(id);
const root = $("review");
const { call } = root.dataset;
const duration = Number(root.dataset.duration);
const reviews = root.dataset.reviews === "yes";
const AROUND_MS = 2000; // what a case keeps before and after the words

const transport = new Transport(root);
const { player, wave, transcript } = transport;
const findings = new Findings($("panel-findings"), call, reviews);
let selection = null; // {party, start, end, quote}

// --- showing ---------------------------------------------------------------------------------

function refresh() {
  const marks = findings.marks;
  transcript.mark(marks.filter((mark) => mark.sign !== "met" && !mark.absent).map((mark) => ({ ...mark, severity: mark.sign === "missed" ? "tip" : mark.sign })));
  if (wave) {
    wave.marks = marks;
    wave.draw();
  }
  $("finding-count").textContent = findings.items.length;
}

function select(found) {
  selection = found;
  $("selection").hidden = !found;
  $("selection-quote").textContent = found ? `${clock(found.start)} “${found.quote || "…"}”` : "";
  if (found) transport.region(found.start, found.end);
  if (wave) {
    wave.selection = found ? [found.start, found.end] : null;
    wave.draw();
  }
}

async function load() {
  refresh();
  await transport.load();
  refresh();
  const [, wanted] = location.hash.match(/^#((?:alert|script|missed)-\d+)$/) ?? [];
  if (wanted) findings.choose(wanted);
  const [, at] = location.hash.match(/^#t=(\d+)$/) ?? [];
  if (at) transport.jump(Number(at));
  root.dataset.ready = "yes";
}

// --- findings and words ----------------------------------------------------------------------

transcript.addEventListener("select", (event) => select(event.detail));
transport.addEventListener("select", (event) => select(event.detail));
wave?.addEventListener("choose", (event) => findings.choose(event.detail));
$("play-selection").addEventListener("click", () => selection && transport.hear(selection.start, selection.end));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && selection && !document.querySelector("dialog[open]")) select(null);
});

findings.addEventListener("choose", (event) => {
  refresh();
  const { from, to, play } = event.detail;
  transport.region(from, to);
  if (play) transport.hear(from, to);
  else if (player?.playing) wave.reveal(from, to);
  else transport.jump(from);
});
findings.addEventListener("play", (event) => transport.hear(event.detail.from, event.detail.to));
findings.addEventListener("change", refresh);
findings.addEventListener("case", (event) => openCase(event.detail));
findings.addEventListener("appeal", (event) => {
  const dialog = $("appeal-dialog");
  dialog.querySelector("[name=alert_id]").value = event.detail.id;
  $("appeal-quote").textContent = event.detail.quote;
  dialog.showModal();
});

// --- what reviewers do -----------------------------------------------------------------------

function openCase({ rule = "", title = "", party, start, end, quote }) {
  const form = $("case-form");
  const set = (name, value) => (form.elements[name].value = value);
  set("rule", rule);
  set("title", title);
  set("party", party);
  set("start_ms", Math.max(0, start - AROUND_MS));
  set("end_ms", Math.min(duration, end + AROUND_MS));
  $("case-quote").textContent = quote;
  $("case-dialog").showModal();
}

async function openMissed() {
  if (!selection) return;
  $("missed-quote").textContent = `${clock(selection.start)} “${selection.quote}”`;
  $("missed-problem").textContent = "";
  $("missed-dialog").showModal();
  const list = $("rules");
  if (!list.children.length) list.append(...(await rules(call)).map(({ rule, title }) => el("option", { value: rule }, title)));
}

async function addMissed(event) {
  event.preventDefault();
  try {
    const { party, start, end } = selection;
    const kept = await post(`/api/calls/${call}/missed`, { rule: $("missed-rule").value, party, start_ms: start, end_ms: end, reason: $("f-missed-reason").value });
    $("missed-dialog").close();
    select(null);
    window.getSelection().removeAllRanges();
    await findings.reload(kept.ref);
  } catch (error) {
    $("missed-problem").textContent = error.message;
  }
}

async function toggle(button, what) {
  const on = button.getAttribute("aria-pressed") !== "true";
  const kept = await put(`/api/calls/${call}/${what}`, { on });
  button.setAttribute("aria-pressed", String(kept.on));
}

if (reviews) {
  $("flag").addEventListener("click", () => toggle($("flag"), "flag"));
  $("heard").addEventListener("click", () => toggle($("heard"), "heard"));
  $("add-missed").addEventListener("click", openMissed);
  $("add-case").addEventListener("click", () => selection && openCase(selection));
  $("missed-form").addEventListener("submit", (event) => {
    if (event.submitter?.value === "save") addMissed(event);
  });
}

// --- tabs ------------------------------------------------------------------------------------

const tabs = [...document.querySelectorAll('[role="tab"]')];
function open(tab) {
  for (const one of tabs) {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
    $(one.getAttribute("aria-controls")).hidden = one !== tab;
  }
}
for (const tab of tabs) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    open(next);
    next.focus();
  });
}
open(tabs[0]);

// --- keys ------------------------------------------------------------------------------------

function hearChosen() {
  const { start, end } = findings.chosen?.dataset ?? {};
  if (start) transport.hear(Number(start), Number(end));
}

function save() {
  const form = $("panel-form");
  if (form && !form.hidden) form.querySelector("form")?.requestSubmit();
  else findings.save();
}

keys.bind({
  "[": [t("上一个发现", "Previous finding"), () => findings.walk(-1)],
  "]": [t("下一个发现", "Next finding"), () => findings.walk(1)],
});
if (player) keys.bind({ p: [t("听这个发现", "Hear this finding"), hearChosen] });
if (reviews) {
  keys.bind({
    y: [t("机器对", "The machine is right"), () => findings.judge("right")],
    n: [t("机器错", "The machine is wrong"), () => findings.judge("wrong")],
    u: [t("不确定", "Unsure"), () => findings.judge("unsure")],
    m: [t("把选中的字补标为漏检", "Add the selected words as missed"), openMissed],
    f: [t("标记需复核", "Flag for a second look"), () => toggle($("flag"), "flag")],
    "ctrl+enter": [t("保存", "Save"), save],
  });
}

load();
