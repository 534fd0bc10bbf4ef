// The call page: player, waveform, transcript and findings, made to move together.

import { get, post, put } from "../js/api.js";
import { el, setIcon } from "../js/dom.js";
import * as keys from "../js/keys.js";
import { clock, t } from "../js/lang.js";
import { Findings, rules } from "./findings.js";
import { Player } from "./player.js";
import { Transcript } from "./transcript.js";
import { Wave } from "./wave.js";

const $ = (id) => document.getElementById(id);
const root = $("review");
const { call } = root.dataset;
const duration = Number(root.dataset.duration);
const parties = root.dataset.parties.split(" ").filter(Boolean);
const reviews = root.dataset.reviews === "yes";
const SEEK_MS = 5000;
const LEAD_MS = 400; // a stretch is easier to understand with a little before it
const OPENING_MS = 90_000; // a long call opens on its first minute and a half

const findings = new Findings($("panel-findings"), call, reviews);
const transcript = new Transcript($("transcript"), call);
const audio = $("audio");
const player = audio ? new Player(audio, parties.length) : null;
const wave = audio ? new Wave($("overview"), $("lanes"), { url: `/calls/${call}/peaks`, duration, parties }) : null;
let selection = null; // {party, start, end, quote}

// --- showing ---------------------------------------------------------------------------------

function refresh() {
  const marks = findings.marks;
  transcript.mark(marks.filter((mark) => mark.sign !== "met").map((mark) => ({ ...mark, severity: mark.sign === "missed" ? "tip" : mark.sign })));
  if (wave) {
    wave.marks = marks;
    wave.draw();
  }
  $("finding-count").textContent = findings.items.length;
}

function show(ms) {
  $("time").textContent = `${clock(ms)} / ${clock(duration)}`;
  transcript.time = ms;
  if (!wave) return;
  wave.time = ms;
  if (player.playing) {
    const [from, to] = wave.view;
    if (ms > to - (to - from) * 0.08 && to < duration) wave.show(ms - (to - from) * 0.15, ms + (to - from) * 0.85);
    else if (ms < from) wave.reveal(ms);
  }
}

function select(found) {
  selection = found;
  $("selection").hidden = !found;
  $("selection-quote").textContent = found ? `${clock(found.start)} “${found.quote || "…"}”` : "";
  if (player && found) player.region = [found.start, found.end];
  if (wave) {
    wave.selection = found ? [found.start, found.end] : null;
    wave.draw();
  }
}

async function load() {
  refresh();
  if (duration > OPENING_MS * 1.5 && wave) wave.view = [0, OPENING_MS];
  const landmarks = get(`/api/calls/${call}/landmarks`);
  const drawn = wave
    ?.load()
    .then(() => ($("wave-state").textContent = ""))
    .catch((error) => ($("wave-state").textContent = `${t("波形暂时不可用", "No waveform")}: ${error.message}`));
  const text = transcript.load();
  if (wave) wave.landmarks = await landmarks;
  await Promise.all([drawn, text]);
  const [, wanted] = location.hash.match(/^#((?:alert|script|missed)-\d+)$/) ?? [];
  if (wanted) findings.choose(wanted);
  const [, at] = location.hash.match(/^#t=(\d+)$/) ?? [];
  if (at) jump(Number(at));
  root.dataset.ready = "yes";
}

// --- playing ---------------------------------------------------------------------------------

function jump(ms) {
  player?.seek(ms);
  transcript.reveal(ms);
  wave?.reveal(ms);
}

function hear(from, to) {
  player?.stretch(Math.max(0, from - LEAD_MS), to + LEAD_MS);
  wave?.reveal(from, to);
  transcript.reveal(from);
}

function say(error) {
  const state = $("wave-state");
  if (state) state.textContent = error;
}

if (player) {
  player.addEventListener("time", () => show(player.ms));
  player.addEventListener("state", () => {
    const button = $("play");
    setIcon(button.querySelector("svg"), player.playing ? "pause" : "play");
    button.setAttribute("aria-label", player.playing ? t("暂停", "Pause") : t("播放", "Play"));
  });
  player.addEventListener("broken", () => say(t("录音无法播放", "The recording cannot be played")));
  $("play").addEventListener("click", () => player.toggle());
  $("speed").addEventListener("change", (event) => (player.speed = Number(event.target.value)));
  $("loop").addEventListener("click", () => loop());
  $("solo")?.addEventListener("click", (event) => {
    const button = event.target.closest("[data-solo]");
    if (button) solo(button.dataset.solo === "" ? null : Number(button.dataset.solo));
  });
  for (const slider of document.querySelectorAll("[data-gain]")) {
    slider.addEventListener("input", () => {
      player.gain(Number(slider.dataset.gain), Number(slider.value));
      slider.nextElementSibling.textContent = `${Number(slider.value) > 0 ? "+" : ""}${slider.value} dB`;
    });
  }
  $("zoom-in").addEventListener("click", () => wave.zoom(0.5));
  $("zoom-out").addEventListener("click", () => wave.zoom(2));
  $("zoom-all").addEventListener("click", () => wave.show(0, duration));
  wave.addEventListener("seek", (event) => {
    player.seek(event.detail);
    transcript.reveal(event.detail);
  });
  wave.addEventListener("choose", (event) => findings.choose(event.detail));
  wave.addEventListener("select", (event) => {
    const [start, end] = event.detail;
    const words = transcript.between(null, start, end);
    const party = words[0]?.party ?? parties[0];
    const quote = words.filter((word) => word.party === party).map((word) => word.text).join("");
    select({ party, start: Math.round(start), end: Math.round(end), quote });
  });
}

function loop() {
  player.looping = !player.looping;
  $("loop").setAttribute("aria-pressed", String(player.looping));
  if (player.looping && !player.region && findings.chosen) {
    const { start, end } = findings.chosen.dataset;
    player.region = [Math.max(0, Number(start) - LEAD_MS), Number(end) + LEAD_MS];
  }
}

function solo(channel) {
  player.solo(channel);
  for (const button of $("solo").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.solo === (channel === null ? "" : String(channel))));
  }
}

// --- findings and words ----------------------------------------------------------------------

transcript.addEventListener("hear", (event) => (player ? player.from(event.detail) : null));
transcript.addEventListener("select", (event) => select(event.detail));
$("follow").addEventListener("change", (event) => (transcript.follow = event.target.checked));
$("play-selection").addEventListener("click", () => selection && hear(selection.start, selection.end));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && selection && !document.querySelector("dialog[open]")) select(null);
});

findings.addEventListener("choose", (event) => {
  refresh();
  const { from, to, play } = event.detail;
  if (player) player.region = [Math.max(0, from - LEAD_MS), to + LEAD_MS];
  if (play) hear(from, to);
  else if (player?.playing) wave.reveal(from, to);
  else jump(from);
});
findings.addEventListener("play", (event) => hear(event.detail.from, event.detail.to));
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
  set("start_ms", Math.max(0, start - 2000));
  set("end_ms", Math.min(duration, end + 2000));
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

if (player) {
  keys.bind({
    space: [t("播放 / 暂停", "Play / pause"), () => player.toggle()],
    j: [t("后退 5 秒", "Back 5 s"), () => jump(player.ms - SEEK_MS)],
    k: [t("暂停", "Pause"), () => player.playing && player.toggle()],
    l: [t("前进 5 秒", "Forward 5 s"), () => jump(player.ms + SEEK_MS)],
    p: [t("听这个发现", "Hear this finding"), () => findings.chosen && hear(Number(findings.chosen.dataset.start), Number(findings.chosen.dataset.end))],
    r: [t("循环", "Loop"), loop],
  });
  if (parties.length > 1) keys.bind({ "0, 1, 2": [t("听双方 / 只听一方", "Both / one party"), (event) => solo(event.key === "0" ? null : Number(event.key) - 1)] });
}
keys.bind({
  "[": [t("上一个发现", "Previous finding"), () => findings.walk(-1)],
  "]": [t("下一个发现", "Next finding"), () => findings.walk(1)],
});
if (reviews) {
  keys.bind({
    y: [t("机器对", "The machine is right"), () => findings.judge("right")],
    n: [t("机器错", "The machine is wrong"), () => findings.judge("wrong")],
    u: [t("不确定", "Unsure"), () => findings.judge("unsure")],
    m: [t("把选中的字补标为漏检", "Add the selected words as missed"), openMissed],
    f: [t("标记需复核", "Flag for a second look"), () => toggle($("flag"), "flag")],
    "ctrl+enter": [t("保存", "Save"), () => ($("panel-form") && !$("panel-form").hidden ? $("panel-form").querySelector("form")?.requestSubmit() : findings.save())],
  });
}

load();
