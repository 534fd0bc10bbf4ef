// The live panel of one call: feed → board → transcript, cards, checklist, gauges.

import { Board } from "./board.js";
import { el, icon, setIcon, setText } from "./dom.js";
import { Feed } from "./feed.js";
import * as keys from "./keys.js";
import { clock, t } from "./lang.js";
import { Cards } from "./panel/cards.js";
import { Checklist } from "./panel/checklist.js";
import { Gauges } from "./panel/gauges.js";
import { Sound } from "./panel/sound.js";
import { Transcript } from "./panel/transcript.js";
import { SEVERITIES, directionName, severityName } from "./words.js";

const root = document.getElementById("panel");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const settings = root.dataset;
const title = document.title;

let board = new Board();
let call = null; // {id, status}
let seq = -1;
let online = false;
let source = true; // whether the agent's machine reaches the server
let countdown = null; // what counts the seconds to the next try
let heard = 0; // when call time last arrived, on this page's clock
let missedFrom = null; // call time from which the server says that we missed something

const transcript = new Transcript(part("turns"), board, { earlier: part("earlier"), latest: part("latest") });
const cards = new Cards({ lead: part("lead"), older: part("older"), calm: part("calm"), say: announce }, board, {
  callId: null,
  mayRate: settings.mayRate === "1",
});
const checklist = new Checklist(part("scripts"), part("script-count"), board);
const gauges = new Gauges(part("gauges"), board);
const sound = new Sound(showSound);

const feed = new Feed(`/ws/calls/${settings.call}`, {
  query: () => (call && seq >= 0 ? `?last_seq=${seq}&call=${call.id}` : ""),
  message: take,
  state: showLine,
});

function take(message) {
  switch (message.type) {
    case "waiting":
      if (call?.status === "live") finish("interrupted");
      showCall();
      break;
    case "snapshot":
      begin(message);
      break;
    case "events":
      if (message.call === call?.id) advance(message);
      break;
    case "partial":
      if (message.call === call?.id) {
        board.take([{ event: "partial", ...message }], message.at_ms);
        paint();
      }
      break;
    case "tick":
      if (message.call === call?.id) hear(message.now_ms);
      break;
    case "missed":
      missedFrom = board.nowMs;
      break;
    case "source":
      source = message.connected;
      showCall();
      break;
    case "end":
      if (message.call === call?.id) finish(message.status);
      if (settings.call !== "current") feed.close(); // nothing more will come
      break;
    default: // a newer server may say more than this page understands
      break;
  }
}

// The whole state of a call, new to us or too far ahead of what we have.
function begin(message) {
  const known = call?.id === message.call ? board : null;
  board = new Board();
  call = { id: message.call, status: message.status, name: message.name, agent: message.agent };
  seq = message.seq - 1;
  source = message.connected !== false;
  board.take(message.events, message.now_ms);
  board.omitted += message.earlier ?? 0;
  for (const id of known?.seen ?? []) board.putAside(id);
  transcript.reset(board);
  cards.reset(board, call.id, message.thumbs);
  checklist.reset(board);
  gauges.reset(board);
  hear(message.now_ms);
  showCall();
  // Of a call that is new to this page nothing is news; of a known one, what it had not seen is.
  const fresh = new Set(known ? [...board.alerts.keys()].filter((id) => !known.alerts.has(id)) : []);
  const raised = paint((alert) => fresh.has(alert.id), (alert) => fresh.has(alert.id));
  if (known) showMissed(known.nowMs, raised);
  missedFrom = null;
}

function advance({ seq: first, events, now_ms: nowMs, replay }) {
  const fresh = events.slice(Math.max(0, seq + 1 - first)); // never one twice
  if (!fresh.length) return;
  seq = first + events.length - 1;
  const fromMs = board.nowMs;
  board.take(fresh, nowMs);
  hear(nowMs);
  const raised = paint(() => replay);
  if (replay) {
    showMissed(missedFrom ?? fromMs, raised);
    missedFrom = null;
  }
}

// Everything that changed, and only that. `away` says which findings came while the line was
// down, `news` which of them may interrupt. Returns those that did.
function paint(away = () => false, news = () => true) {
  const changed = board.drain();
  transcript.show(changed);
  const raised = cards.show(changed.alerts, away).filter(news);
  if (changed.scripts) checklist.show();
  if (changed.gauges || changed.grown.size) gauges.show();
  if (changed.alerts.length) showCounts();
  if (changed.scripts || changed.alerts.length) tick();
  for (const alert of raised) interrupt(alert);
  return raised;
}

function interrupt(alert) {
  if (alert.severity === "fatal") sound.alarm();
  const advice = alert.advice ? t(`请说：${alert.advice}`, `Say: ${alert.advice}`) : "";
  announce(`${severityName(alert.severity)}${t("：", ": ")}${alert.title}${t("。", ". ")}${advice}`, alert.severity === "fatal" || alert.severity === "major");
  if (document.hidden) document.title = `(!) ${alert.title}`;
}

// Read aloud by screen readers: at once, or when they have finished.
function announce(text, urgent) {
  setText(part(urgent ? "urgent" : "polite"), text);
}

function finish(status) {
  call.status = status;
  board.take([], 0);
  paint();
  showCall();
}

// --- the head of the panel ---------------------------------------------------------------

function hear(nowMs) {
  board.nowMs = Math.max(board.nowMs, nowMs);
  heard = performance.now();
  tick();
}

function running() {
  return call?.status === "live" && online && source && !board.ended;
}

// Call time, carried on between what arrives.
function tick() {
  const ms = board.nowMs + (running() ? Math.min(performance.now() - heard, 3000) : 0);
  setText(part("clock"), clock(ms));
  checklist.tick(ms);
}

setInterval(tick, 250);

function showCall() {
  const state = !call ? "waiting" : call.status;
  root.dataset.state = state;
  const names = {
    waiting: [t("等待来电", "Waiting for a call"), ""],
    live: [t("通话中", "On a call"), "ok"],
    complete: [t("通话已结束", "Call ended"), ""],
    interrupted: [t("通话中断", "Call interrupted"), "warn"],
  };
  // Whatever the call was when the line broke: nobody watches it from here now.
  const unwatched = !online && call?.status === "live";
  const [name, kind] = unwatched ? [t("未连接，未监测", "Not connected, not monitored"), "error"] : (names[state] ?? [state, ""]);
  const status = part("status");
  status.className = `badge ${kind}`;
  setText(status, name);
  const facts = board.info?.facts ?? {};
  const words = [call?.agent, facts.queue, directionName(board.info?.direction), facts.tier].filter(Boolean);
  setText(part("facts"), words.join(" · "));
  part("idle").hidden = Boolean(call);
  part("body").hidden = !call;
  part("details").hidden = !call || call.status === "live";
  if (call) part("details").href = `/calls/${call.id}`;
  part("omitted").href = call ? `/calls/${call.id}` : "/calls";
  part("source").hidden = source || call?.status !== "live";
  if (board.omitted) part("earlier").hidden = false;
  showCounts();
}

function showCounts() {
  const counts = board.counts();
  const badges = SEVERITIES.filter((severity) => counts[severity]).map((severity) =>
    el("span", { class: `badge ${severity}`, title: severityName(severity) }, icon(`severity-${severity}`, severityName(severity)), String(counts[severity])),
  );
  part("counts").replaceChildren(...badges);
  const gaps = board.gaps.length;
  part("gaps").hidden = !gaps;
  setText(part("gap-count"), String(gaps));
}

function showLine(state, seconds) {
  online = state === "open";
  root.dataset.line = state;
  const line = part("line");
  clearInterval(countdown);
  line.hidden = online || (state === "connecting" && seq < 0 && !call);
  const words = {
    connecting: t("正在连接服务器…", "Connecting to the server…"),
    lost: t(`与服务器断开：停在 ${clock(board.nowMs)}，此后的提醒这里看不到。`, `Not connected: the panel stands at ${clock(board.nowMs)} and shows no later alert.`),
    refused: t("服务器拒绝了连接：请重新登录，或确认您有权查看这通电话。", "The server refused: sign in again, or check that this call is yours to see."),
  };
  if (!online) setText(part("line-text"), words[state]);
  part("retry").hidden = state !== "lost";
  if (state === "lost") {
    const due = performance.now() + seconds * 1000;
    const count = () => {
      const left = Math.max(0, Math.ceil((due - performance.now()) / 1000));
      setText(part("retry-in"), left ? t(`${left} 秒后重试`, `retry in ${left} s`) : t("正在重试…", "trying again…"));
    };
    count();
    countdown = setInterval(count, 500);
  }
  showCall();
  tick();
}

part("retry-now").addEventListener("click", () => feed.retry());

// What happened while the line was down.
function showMissed(fromMs, alerts) {
  const span = `${clock(fromMs)}–${clock(board.nowMs)}`;
  const what = alerts.length
    ? t(`期间有 ${alerts.length} 条告警：${alerts.map((alert) => alert.title).join("、")}`, `${alerts.length} alerts meanwhile: ${alerts.map((alert) => alert.title).join(", ")}`)
    : t("期间没有告警", "no alerts meanwhile");
  setText(part("missed-text"), t(`连接已恢复。${span} 的内容已补上，${what}。`, `Connected again. ${span} was caught up; ${what}.`));
  part("missed").hidden = false;
}

part("missed-close").addEventListener("click", () => {
  part("missed").hidden = true;
});

// --- switches ------------------------------------------------------------------------------

function showSound(state) {
  const button = part("sound");
  const names = {
    ready: t("声音已开（致命告警）", "Sound on (fatal alerts)"),
    waiting: t("按任意键后可发声（致命告警）", "Press any key to allow sound (fatal alerts)"),
    muted: t("已静音", "Muted"),
  };
  setIcon(button.querySelector("svg"), state === "ready" ? "sound" : "mute");
  button.setAttribute("aria-pressed", String(state !== "muted"));
  button.setAttribute("aria-label", names[state]);
  button.title = names[state];
  button.dataset.sound = state;
}

const GAUGES = "monitor.gauges";

function showGauges(on) {
  part("gauges").hidden = !on;
  part("gauge-switch").setAttribute("aria-pressed", String(on));
  localStorage.setItem(GAUGES, on ? "1" : "0");
}

const switchGauges = () => showGauges(part("gauges").hidden);
const openCompact = () => window.open(part("compact").href, "monitor-compact", "popup,width=376,height=720");

part("sound").addEventListener("click", () => sound.toggle());
part("gauge-switch").addEventListener("click", switchGauges);
part("compact").addEventListener("click", (event) => {
  event.preventDefault();
  openCompact();
});
showGauges(localStorage.getItem(GAUGES) !== "0");

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.title = title;
});

keys.bind({
  "escape, d": [t("知道了：收起当前提醒", "Got it: put the card aside"), () => cards.putAside()],
  "+, =": [t("当前提醒有用", "This card is useful"), () => cards.rate(1)],
  "-": [t("当前提醒没用", "This card is not useful"), () => cards.rate(-1)],
  "m": [t("静音 / 发声", "Mute / sound"), () => sound.toggle()],
  "g": [t("显示 / 隐藏仪表", "Show / hide the gauges"), switchGauges],
  "c": [t("小窗模式", "Compact window"), openCompact],
  "end": [t("回到最新的话", "To the newest words"), () => transcript.toEnd()],
});

window.addEventListener("pagehide", () => feed.close());
showCall();
