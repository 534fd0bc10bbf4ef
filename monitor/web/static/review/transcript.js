// The transcript: fetched in portions while the page is used already, followed by playback, and
// a place to select words in – by mouse, or by arrows with Shift.

import { el } from "../js/dom.js";
import { get } from "../js/api.js";
import { clock, t } from "../js/lang.js";

const PARTIES = { agent: t("坐席", "Agent"), customer: t("客户", "Customer") };
const PATIENCE_MS = 4000; // how long following waits after the reader scrolled away
const FAINT = 0.5; // confidence below which a word is shown as doubtful

export class Transcript extends EventTarget {
  constructor(root, callId) {
    super();
    this.root = root;
    this.call = callId;
    this.words = []; // {party, start, end, node}, by start
    this.current = new Map(); // party → its word under the playhead
    this.spans = [];
    this.cursor = null; // [anchor, focus] as indexes of words, for the keyboard
    this.touched = 0;
    this.follow = true;
    for (const name of ["wheel", "pointerdown", "touchmove"]) root.addEventListener(name, () => (this.touched = Date.now()), { passive: true });
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("selectionchange", () => this.#selected());
  }

  async load() {
    let after = null;
    do {
      const part = await get(`/api/calls/${this.call}/transcript${after ? `?after=${after}` : ""}`);
      this.#add(part.rows);
      after = part.next;
    } while (after);
    if (!this.words.length) this.root.append(el("p", { class: "empty" }, t("没有听到说话", "Nobody was heard")));
    this.dispatchEvent(new Event("whole"));
  }

  #add(rows) {
    const part = document.createDocumentFragment();
    for (const row of rows) {
      const text = el("p", { class: "said" });
      for (const [word, start, end, confidence] of row.tokens) {
        const node = el("span", { class: confidence < FAINT ? "word faint" : "word", title: confidence < FAINT ? t("识别把握不大", "Doubtful") : null }, word);
        node.word = { party: row.party, start, end, node, text: word };
        this.words.push(node.word);
        text.append(node);
      }
      part.append(
        el(
          "div",
          { class: `turn ${row.party}`, "data-start": row.start_ms },
          el("span", { class: "turn-head" }, el("span", { class: `party ${row.party}` }, PARTIES[row.party] ?? row.party), " ", el("span", { class: "clock muted small" }, clock(row.start_ms))),
          text,
          row.confirmed ? el("p", { class: "confirmed small muted" }, t("第二个识别器：", "Second recogniser: "), row.confirmed) : null,
        ),
      );
    }
    this.root.append(part);
    this.words.sort((a, b) => a.start - b.start);
    this.mark(this.spans);
  }

  // Underline the words of findings: [{party, start, end, severity}]
  mark(spans) {
    this.spans = spans;
    for (const node of this.root.querySelectorAll(".word.hit")) node.className = node.className.replace(/ hit \S+/, "");
    for (const span of spans) {
      for (const word of this.between(span.party, span.start, span.end)) {
        if (!word.node.classList.contains("hit")) word.node.className += ` hit ${span.severity}`;
      }
    }
  }

  // Words of a party (null: anybody) of which at least half lies in the stretch.
  between(party, from, to) {
    const found = [];
    for (let i = this.#first(from - 3000); i < this.words.length && this.words[i].start < to; i += 1) {
      const word = this.words[i];
      const middle = (word.start + word.end) / 2;
      if ((!party || word.party === party) && middle >= from && middle <= to) found.push(word);
    }
    return found;
  }

  set time(ms) {
    for (const party of Object.keys(PARTIES)) {
      let at = this.#first(ms + 1) - 1;
      while (at >= 0 && this.words[at].party !== party && ms - this.words[at].start < 5000) at -= 1;
      const word = at >= 0 && this.words[at].party === party && this.words[at].end >= ms - 120 ? this.words[at] : null;
      const before = this.current.get(party);
      if (word === before) continue;
      before?.node.classList.remove("now");
      word?.node.classList.add("now");
      this.current.set(party, word);
      if (word && this.follow && Date.now() - this.touched > PATIENCE_MS) this.#bring(word.node);
    }
  }

  // Bring a moment into view, whatever the reader did last.
  reveal(ms) {
    const word = this.words[Math.min(this.words.length - 1, this.#first(ms))];
    if (word) this.#bring(word.node);
  }

  // Only the pane scrolls, never the page.
  #bring(node) {
    const pane = this.root.getBoundingClientRect();
    const box = node.getBoundingClientRect();
    if (box.top >= pane.top + 40 && box.bottom <= pane.bottom - 40) return;
    this.root.scrollTop += box.top - pane.top - pane.height / 3;
  }

  #first(ms) {
    let low = 0;
    let high = this.words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.words[middle].start < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #click(event) {
    if (!window.getSelection().isCollapsed) return;
    const word = event.target.closest(".word")?.word;
    if (!word) return;
    this.#walk(this.words.indexOf(word), false);
    this.#say("hear", word.start);
  }

  #selected() {
    const selection = window.getSelection();
    if (selection.isCollapsed || !selection.rangeCount || !this.root.contains(selection.anchorNode)) return;
    const range = selection.getRangeAt(0);
    const words = this.words.filter((word) => range.intersectsNode(word.node));
    this.#tell(words);
  }

  // One party's words only: those of whoever said the first one.
  #tell(words) {
    const own = words.filter((word) => word.party === words[0].party);
    if (!own.length) return;
    this.#say("select", {
      party: own[0].party,
      start: own[0].start,
      end: own.at(-1).end,
      quote: own.map((word) => word.text).join(""),
    });
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && this.words.length) {
      event.preventDefault();
      event.stopPropagation();
      const at = this.cursor ? this.cursor[1] + step : this.#first(0);
      this.#walk(Math.max(0, Math.min(this.words.length - 1, at)), event.shiftKey);
    } else if (event.key === "Enter" && this.cursor) {
      event.preventDefault();
      event.stopPropagation();
      this.#say("hear", this.words[this.cursor[1]].start);
    }
  }

  #walk(at, extend) {
    for (const node of this.root.querySelectorAll(".cursor, .picked")) node.classList.remove("cursor", "picked");
    const anchor = extend && this.cursor ? this.cursor[0] : at;
    this.cursor = [anchor, at];
    this.words[at].node.classList.add("cursor");
    this.#bring(this.words[at].node);
    if (!extend) return;
    window.getSelection().removeAllRanges();
    const words = this.words.slice(Math.min(anchor, at), Math.max(anchor, at) + 1);
    const own = words.filter((word) => word.party === this.words[anchor].party);
    for (const word of own) word.node.classList.add("picked");
    this.#tell(own);
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
