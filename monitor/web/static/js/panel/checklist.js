// The required scripts: what is still to be said, with the time left, and what was said or missed.

import { el, icon, setText } from "../dom.js";
import { clock, t } from "../lang.js";
import { scriptMark } from "../words.js";

const URGENT_MS = 5000;

export class Checklist {
  constructor(list, count, board) {
    this._list = list;
    this._count = count;
    this._board = board;
    this._items = new Map(); // key → {node, script}
    this._waiting = [];
  }

  reset(board) {
    this._board = board;
    this._items.clear();
    this._list.replaceChildren();
    this.show();
  }

  // Scripts are few: the list is put in order anew, but only changed items are built anew.
  show() {
    const scripts = this._board.checklist();
    const nodes = [];
    this._waiting = [];
    for (const script of scripts) {
      const key = `${script.rule} ${script.occurrence ?? 0}`;
      let item = this._items.get(key);
      if (!item || item.script !== script) {
        const decided = item && item.script.status === "pending" && script.status !== "pending";
        item = this._item(script);
        if (decided) item.node.classList.add("just");
        this._items.set(key, item);
      }
      nodes.push(item.node);
      if (script.status === "pending" && script.deadline_ms !== null) this._waiting.push(item);
    }
    this._list.replaceChildren(...nodes);
    const done = scripts.filter((script) => script.status === "met").length;
    setText(this._count, scripts.length ? `${done} / ${scripts.length}` : "");
  }

  tick(nowMs) {
    for (const { script, left, node } of this._waiting) {
      const ms = script.deadline_ms - nowMs;
      setText(left, ms > 0 ? clock(ms + 999) : t("判定中", "Judging"));
      node.classList.toggle("urgent", ms <= URGENT_MS);
    }
  }

  _item(script) {
    const [sign, name] = scriptMark(script.status);
    const left = el("span", { class: "left clock" });
    if (script.status === "pending" && script.deadline_ms === null) setText(left, t("通话结束前", "Before the end"));
    if (script.status === "met" && script.end_ms !== null) setText(left, clock(script.end_ms));
    const node = el(
      "li",
      { class: `script ${script.status}` },
      icon(sign, name),
      el(
        "span",
        { class: "what" },
        el("b", {}, script.title),
        script.advice && script.status !== "met" ? el("span", { class: "advice" }, script.status === "missed" ? t("应说：", "To be said: ") : t("请说：", "Say: "), script.advice) : null,
      ),
      script.status === "missed" ? el("span", { class: "left" }, name) : left,
    );
    return { node, script, left };
  }
}
