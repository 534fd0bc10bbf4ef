// The supervisor's wall: a tile per running call, redrawn only when that call changes.

import { become, el, icon, setText } from "./dom.js";
import { Feed } from "./feed.js";
import * as keys from "./keys.js";
import { clock, t } from "./lang.js";
import { SEVERITIES, directionName, partyName, severityName } from "./words.js";

const GRAVEST_ALERTS = 1000; // weight of one level over all counts of the level below
const FRESH_MS = 10_000; // a tile stands out this long after an alert
const CLOCK_MS = 15_000; // a clock runs on by itself this long; the server tells it every few seconds

const root = document.getElementById("wall");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const tiles = part("tiles");
const views = new Map(); // call → {card, node, clock, heard, raised, offset}
const search = document.getElementById("wall-search");
let order = "start";
let online = false;

new Feed("/ws/wall", {
  message(message) {
    if (message.type === "wall") {
      const running = new Set(message.calls.map((card) => card.call));
      for (const id of views.keys()) if (!running.has(id)) drop(id);
      for (const card of message.calls) put(card, false);
      arrange();
    } else if (message.type === "card") {
      put(message.card, true);
      arrange();
    } else if (message.type === "gone") {
      drop(message.call);
      arrange();
    }
  },
  state(name) {
    online = name === "open";
    part("line").hidden = online || name === "connecting";
    root.classList.toggle("stale", !online);
  },
});

function put(card, live) {
  const before = views.get(card.call);
  const view = { card, heard: performance.now(), raised: before?.raised ?? -Infinity };
  const newest = card.last_alert;
  if (live && newest && total(card) > (before ? total(before.card) : 0)) {
    view.raised = view.heard;
    setText(part("polite"), `${card.agent || card.name}${t("：", ": ")}${severityName(newest.severity)} ${newest.title}`);
  }
  view.node = tile(card);
  // The tile stays and only what differs is changed: neither the focus nor a press that has begun
  // is lost.
  if (before) view.node = become(before.node, view.node);
  else tiles.append(view.node);
  view.clock = view.node.querySelector(".clock");
  views.set(card.call, view);
}

function drop(id) {
  views.get(id)?.node.remove();
  views.delete(id);
}

function tile(card) {
  const grave = SEVERITIES.find((severity) => card.alerts[severity]);
  const talking = new Set(card.talking ?? []);
  const due = card.scripts.met + card.scripts.missed + card.scripts.pending;
  const where = [card.queue, directionName(card.direction)].filter(Boolean).join(" · ");
  return el(
    "li",
    { class: `tile ${grave ?? "quiet"}${running(card) ? "" : " over"}`, "data-call": String(card.call) },
    el(
      "a",
      { href: `/panel?call=${card.call}` },
      el("span", { class: "tile-head" }, el("b", {}, card.agent || card.name), el("span", { class: "clock" })),
      el(
        "span",
        { class: "tile-line" },
        el("span", { class: "tile-where" }, where || card.name),
        due ? el("span", { class: "tile-due" }, t(`话术 ${card.scripts.met}/${due}`, `scripts ${card.scripts.met}/${due}`)) : null,
      ),
      el(
        "span",
        { class: "tile-counts" },
        ...SEVERITIES.filter((severity) => card.alerts[severity]).map((severity) =>
          el("span", { class: `badge ${severity}`, title: severityName(severity) }, icon(`severity-${severity}`, severityName(severity)), String(card.alerts[severity])),
        ),
        grave ? null : el("span", { class: "badge ok" }, icon("done"), t("无告警", "No alerts")),
        card.scripts.missed
          ? el("span", { class: "badge", title: t("缺失话术", "Scripts missed") }, icon("missed", t("缺失话术", "Scripts missed")), String(card.scripts.missed))
          : null,
      ),
      el("span", { class: "tile-last" }, card.last_alert ? card.last_alert.title : ""),
      el(
        "span",
        { class: "tile-foot" },
        ...(!running(card)
          ? [el("span", { class: "badge" }, t("已结束", "Ended"))]
          : card.connected === false
            ? [el("span", { class: "badge warn" }, icon("link-lost"), t("断线", "Offline"))]
            : ["agent", "customer"].map((party) => el("span", { class: `talk ${party}${talking.has(party) ? " on" : ""}` }, partyName(party)))),
      ),
    ),
  );
}

const running = (card) => card.status === "live";
const total = (card) => SEVERITIES.reduce((sum, severity) => sum + card.alerts[severity], 0);
const weight = (card) => SEVERITIES.reduce((sum, severity) => sum * GRAVEST_ALERTS + card.alerts[severity], 0);

function arrange() {
  const wanted = search.value.trim().toLowerCase();
  const byStart = (a, b) => (a.card.started_at ?? "").localeCompare(b.card.started_at ?? "") || a.card.call - b.card.call;
  const sorted = [...views.values()].sort(order === "grave" ? (a, b) => weight(b.card) - weight(a.card) || byStart(a, b) : byStart);
  sorted.forEach((view, i) => {
    const { agent, queue, name } = view.card;
    view.node.hidden = Boolean(wanted) && ![agent, queue, name].some((text) => text?.toLowerCase().includes(wanted));
    if (tiles.children[i] !== view.node) tiles.insertBefore(view.node, tiles.children[i] ?? null);
  });
  const live = sorted.map((view) => view.card).filter(running);
  const sums = Object.fromEntries(SEVERITIES.map((severity) => [severity, live.reduce((sum, card) => sum + card.alerts[severity], 0)]));
  part("sum").replaceChildren(
    el("b", {}, t(`${live.length} 通进行中`, `${live.length} running`)),
    ...SEVERITIES.filter((severity) => sums[severity]).map((severity) =>
      el("span", { class: `badge ${severity}` }, icon(`severity-${severity}`), `${severityName(severity)} ${sums[severity]}`),
    ),
  );
  part("empty").hidden = sorted.length > 0;
  tick();
}

function tick() {
  const now = performance.now();
  for (const view of views.values()) {
    const on = online && running(view.card) && view.card.connected !== false ? Math.min(now - view.heard, CLOCK_MS) : 0;
    setText(view.clock, clock(view.card.now_ms + on));
    view.node.classList.toggle("fresh", now - view.raised < FRESH_MS);
  }
}

setInterval(tick, 1000);

search.addEventListener("input", arrange);
for (const button of document.querySelectorAll("[data-order]")) {
  button.addEventListener("click", () => {
    order = button.dataset.order;
    for (const other of document.querySelectorAll("[data-order]")) other.setAttribute("aria-pressed", String(other === button));
    arrange();
  });
}

// Arrow keys walk over the tiles, as they stand on the screen.
function walk(step) {
  const links = [...tiles.querySelectorAll(".tile:not([hidden]) a")];
  const at = links.indexOf(document.activeElement);
  (links[at < 0 ? 0 : at + step] ?? null)?.focus();
}

function columns() {
  const shown = [...tiles.children].filter((tile) => !tile.hidden);
  const first = shown[0]?.offsetTop;
  return Math.max(1, shown.filter((tile) => tile.offsetTop === first).length);
}

keys.bind({
  "ArrowRight, l": [t("下一通", "Next call"), () => walk(1)],
  "ArrowLeft, h": [t("上一通", "Previous call"), () => walk(-1)],
  "ArrowDown, j": [t("下一行", "Row below"), () => walk(columns())],
  "ArrowUp, k": [t("上一行", "Row above"), () => walk(-columns())],
  "o": [t("切换排序", "Change the order"), () => document.querySelector('[data-order][aria-pressed="false"]').click()],
});
