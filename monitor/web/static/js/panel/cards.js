// The cards: one that interrupts, on top and large; older ones below it, greyed out.

import * as api from "../api.js";
import { el, icon, setText } from "../dom.js";
import { clock, t } from "../lang.js";
import { alertStateName, severityName } from "../words.js";

export const KEPT_CARDS = 60; // the rest is on the call's page

export class Cards {
  // `place`: {lead, older, calm, say(text, urgent)}.
  constructor(place, board, { callId, mayRate }) {
    this._place = place;
    this._board = board;
    this._callId = callId;
    this._mayRate = mayRate;
    this._views = new Map(); // alert id → card
    this._thumbs = new Map(); // alert id → 1 or -1
    this._away = new Set(); // alerts raised while the line was down
    this._lead = null;
  }

  reset(board, callId, thumbs) {
    this._board = board;
    this._callId = callId;
    this._thumbs = new Map(Object.entries(thumbs ?? {}));
    this._views.clear();
    this._away.clear();
    this._lead = null;
    this._place.lead.replaceChildren();
    this._place.older.replaceChildren();
    this._arrange();
  }

  // Returns the fresh alerts that interrupt, for sound and announcement. `away` tells of an
  // alert whether it came while the line was down.
  show(changes, away) {
    const raised = [];
    for (const { alert, fresh } of changes) {
      if (fresh && away(alert)) this._away.add(alert.id);
      const before = this._views.get(alert.id);
      const card = this._card(alert);
      this._views.set(alert.id, card);
      if (before) before.replaceWith(card);
      else this._place.older.prepend(card);
      if (this._lead?.dataset.alert === alert.id) this._lead = card;
      if (fresh && alert.interrupts && alert.state !== "retracted") raised.push(alert);
    }
    if (changes.length) this._arrange();
    return raised;
  }

  // The reader has seen the card on top.
  putAside() {
    const lead = this._board.lead();
    if (!lead) return;
    this._board.putAside(lead.id);
    this._arrange();
  }

  // Rate the card on top, or else the newest.
  rate(value) {
    const card = this._lead ?? this._place.older.firstElementChild;
    if (card) this._rate(card.dataset.alert, value);
  }

  _arrange() {
    const lead = this._board.lead();
    const card = lead ? this._views.get(lead.id) : null;
    if (card !== this._lead || (card && card.parentElement !== this._place.lead)) {
      if (this._lead && this._lead !== card) this._toOlder(this._lead);
      this._lead = card;
      if (card) {
        card.classList.add("lead");
        card.querySelector(".aside").hidden = false;
        this._place.lead.replaceChildren(card);
      }
    }
    this._place.calm.hidden = Boolean(card);
    while (this._place.older.childElementCount > KEPT_CARDS) this._place.older.lastElementChild.remove();
    this._place.older.parentElement.hidden = !this._place.older.childElementCount;
  }

  // Below the lead, in its place by time.
  _toOlder(card) {
    card.classList.remove("lead");
    card.querySelector(".aside").hidden = true;
    const at = Number(card.dataset.at);
    const next = [...this._place.older.children].find((other) => Number(other.dataset.at) <= at);
    this._place.older.insertBefore(card, next ?? null);
  }

  _card(alert) {
    const again = alert.evidence?.second?.quote;
    const card = el(
      "article",
      { class: `alert-card ${alert.severity} ${alert.state}`, "data-alert": alert.id, "data-at": String(alert.at_ms), "aria-label": `${severityName(alert.severity)} ${alert.title}` },
      el(
        "header",
        {},
        el("span", { class: `badge ${alert.severity}` }, icon(`severity-${alert.severity}`), severityName(alert.severity)),
        this._away.has(alert.id) ? el("span", { class: "badge" }, icon("link-lost"), t("断线期间", "While offline")) : null,
        alert.state === "raised" ? null : el("span", { class: `badge ${alert.state === "confirmed" ? "ok" : ""}` }, alertStateName(alert.state)),
        el("time", {}, clock(alert.at_ms)),
      ),
      el("h3", {}, alert.title),
      alert.quote ? el("p", { class: "heard" }, el("span", { class: "label" }, t("听到", "Heard")), `“${alert.quote}”`) : null,
      again ? el("p", { class: "heard" }, el("span", { class: "label" }, t("复核听到", "Second engine heard")), `“${again}”`) : null,
      alert.advice ? el("p", { class: "say" }, el("span", { class: "label" }, alert.quote ? t("请改说", "Say instead") : t("请说", "Say")), el("b", {}, alert.advice)) : null,
      this._foot(alert),
    );
    return card;
  }

  // Unfolds an older card: what was heard and what to say instead.
  _unfold(alert) {
    const button = el("button", { class: "button quiet small icon-only unfold", type: "button", "aria-expanded": "false", "aria-label": t(`详情：${alert.title}`, `Details: ${alert.title}`) }, icon("down-small"));
    button.addEventListener("click", () => {
      const open = button.closest(".alert-card").classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    });
    return button;
  }

  _foot(alert) {
    const aside = el("button", { class: "button small aside", type: "button", hidden: true, onclick: () => this.putAside() }, t("知道了", "Got it"), " ", el("kbd", { "aria-hidden": "true" }, "Esc"));
    const foot = el("footer", { class: "button-row" }, aside);
    if (this._mayRate) {
      foot.append(
        el("span", { class: "thumbs", role: "group", "aria-label": t("这条提醒有用吗？", "Was this card useful?") }, this._thumb(alert, 1, "thumb-up", t("有用", "Useful")), this._thumb(alert, -1, "thumb-down", t("没用", "Not useful"))),
      );
    }
    if (alert.quote || alert.advice) foot.append(this._unfold(alert));
    return foot;
  }

  _thumb(alert, value, sign, name) {
    const on = this._thumbs.get(alert.id) === value;
    return el(
      "button",
      { class: "button quiet small icon-only", type: "button", "data-thumb": String(value), "aria-pressed": String(on), "aria-label": name, title: name, onclick: () => this._rate(alert.id, value) },
      icon(sign),
      el("span", { class: "name", "aria-hidden": "true" }, name),
    );
  }

  // The same thumb twice takes it back.
  async _rate(id, value) {
    if (!this._mayRate || !this._views.has(id)) return;
    const before = this._thumbs.get(id) ?? 0;
    const wanted = before === value ? 0 : value;
    this._mark(id, wanted);
    try {
      await api.post(`/api/calls/${this._callId}/alerts/${encodeURIComponent(id)}/thumb`, { value: wanted });
      this._place.say(wanted > 0 ? t("已记为有用", "Marked useful") : wanted < 0 ? t("已记为没用", "Marked not useful") : t("已取消评价", "Rating taken back"), false);
    } catch (error) {
      if (!(error instanceof api.ApiError || error instanceof TypeError)) throw error;
      this._mark(id, before);
      this._place.say(t(`评价没有保存：${error.message}`, `The rating was not stored: ${error.message}`), true);
    }
  }

  _mark(id, value) {
    if (value) this._thumbs.set(id, value);
    else this._thumbs.delete(id);
    for (const button of this._views.get(id)?.querySelectorAll("[data-thumb]") ?? []) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.thumb) === value));
    }
  }
}
