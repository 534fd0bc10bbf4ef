// The list of findings: opened one at a time, judged, and walked by keys.

import { get, post, remove } from "../js/api.js";
import { el, icon } from "../js/dom.js";
import { clock, t } from "../js/lang.js";

const BADGES = {
  right: ["ok", "done", t("对", "Right")],
  wrong: ["warn", "close", t("错", "Wrong")],
  unsure: ["tip", "info", t("不确定", "Unsure")],
};

export class Findings extends EventTarget {
  constructor(panel, callId, reviews) {
    super();
    this.panel = panel;
    this.call = callId;
    this.reviews = reviews;
    this.keeping = Promise.resolve(); // verdicts go out one after the other
    panel.addEventListener("click", (event) => this.#click(event));
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.ctrlKey && event.target.matches("[data-reason]")) {
        event.preventDefault();
        this.save(false);
      }
    });
  }

  get items() {
    return [...this.panel.querySelectorAll(".finding")];
  }

  get chosen() {
    return this.panel.querySelector(".finding.chosen");
  }

  // What waveform and transcript show of them.
  get marks() {
    return this.items
      .filter((item) => !item.classList.contains("retracted"))
      .map((item) => ({
        ref: item.dataset.ref,
        at: Number(item.dataset.at),
        start: Number(item.dataset.start),
        end: Number(item.dataset.end),
        party: item.dataset.party,
        sign: item.dataset.severity || (item.dataset.kind === "missed" ? "missed" : "met"),
        chosen: item === this.chosen,
        absent: item.dataset.absent === "yes", // what was not said: there are no words to mark
      }));
  }

  choose(ref, play = false) {
    const item = this.items.find((one) => one.dataset.ref === ref);
    if (!item) return;
    for (const other of this.items) if (other !== item) this.#open(other, false);
    this.#open(item, true);
    item.scrollIntoView({ block: "nearest" });
    this.#say("choose", { from: Number(item.dataset.start), to: Number(item.dataset.end), play });
  }

  // The next (1) or previous (-1) finding.
  walk(step) {
    const items = this.items;
    if (!items.length) return;
    const at = items.indexOf(this.chosen);
    const next = at < 0 ? (step > 0 ? 0 : items.length - 1) : (at + step + items.length) % items.length;
    this.choose(items[next].dataset.ref);
    items[next].querySelector(".finding-head").focus({ preventScroll: true });
  }

  // Y, N, U: choose a verdict and keep it; N and U go on to its reason, at once: whoever types on
  // must not wait for the server, or letters would be taken for shortcuts.
  judge(verdict) {
    const item = this.chosen;
    if (!item || !item.querySelector("[data-verdict]")) return;
    this.#keep(item, verdict);
    if (verdict !== "right") item.querySelector("[data-reason]").focus();
  }

  // Keep the reason, too; Ctrl + Enter then goes on to the next finding.
  async save(on = true) {
    const item = this.chosen;
    await this.keeping; // the verdict that was pressed a moment ago
    const pressed = item?.querySelector('[data-verdict][aria-pressed="true"]');
    if (!pressed) return;
    if ((await this.#keep(item, pressed.dataset.verdict)) && on && item === this.chosen) this.walk(1);
  }

  async reload(ref = null) {
    const response = await fetch(`/calls/${this.call}/findings`, { credentials: "same-origin" });
    this.panel.innerHTML = await response.text();
    this.#say("change", null);
    if (ref) this.choose(ref);
  }

  #keep(item, verdict) {
    this.keeping = this.keeping.then(() => this.#send(item, verdict));
    return this.keeping;
  }

  async #send(item, verdict) {
    const reason = item.querySelector("[data-reason]").value;
    try {
      const kept = await post(`/api/calls/${this.call}/verdicts`, { ref: item.dataset.ref, verdict, reason });
      item.dataset.verdict = kept.verdict;
      for (const button of item.querySelectorAll("[data-verdict]")) button.setAttribute("aria-pressed", String(button.dataset.verdict === kept.verdict));
      const [kind, sign, text] = BADGES[kept.verdict];
      item.querySelector("[data-mark]").replaceChildren(el("span", { class: `badge ${kind}` }, icon(sign), text));
      item.querySelector("[data-judged]").textContent = [kept.reviewer, kept.reason].filter(Boolean).join(" · ");
      this.#say("judged", kept);
      return true;
    } catch (error) {
      item.querySelector("[data-judged]").textContent = error.message;
      return false;
    }
  }

  async #open(item, open) {
    item.classList.toggle("chosen", open);
    item.querySelector(".finding-head").setAttribute("aria-expanded", String(open));
    item.querySelector(".finding-body").hidden = !open;
    const place = item.querySelector("[data-evidence]");
    if (!open || !place || place.dataset.loaded) return;
    place.dataset.loaded = "yes";
    const response = await fetch(`/calls/${this.call}/evidence/${item.dataset.ref}`, { credentials: "same-origin" });
    if (response.ok) place.innerHTML = await response.text();
    if (item === this.chosen) item.scrollIntoView({ block: "nearest" });
  }

  async #click(event) {
    const item = event.target.closest(".finding");
    if (!item) return;
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".finding-head")) {
      if (item.classList.contains("chosen")) this.#open(item, false);
      else this.choose(item.dataset.ref);
      this.#say("change", null);
    } else if (button.dataset.play) {
      const [from, to] = button.dataset.play.split(" ").map(Number);
      this.#say("play", { from, to });
    } else if (button.dataset.verdict) this.judge(button.dataset.verdict);
    else if ("save" in button.dataset) this.save(false);
    else if ("case" in button.dataset) {
      const { rule, party, start, end, title } = item.dataset;
      this.#say("case", { rule, title, party, start: Number(start), end: Number(end), quote: `${clock(Number(item.dataset.at))} ${title}` });
    } else if (button.dataset.appeal) this.#say("appeal", { id: button.dataset.appeal, quote: `${clock(Number(item.dataset.at))} ${item.dataset.title}` });
    else if (button.dataset.remove && window.confirm(t("删除这条补标？", "Remove this added finding?"))) {
      await remove(`/api/calls/${this.call}/missed/${button.dataset.remove}`);
      this.reload();
    }
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const rules = (call) => get(`/api/calls/${call}/rules`);
