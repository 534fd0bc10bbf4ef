// The running transcript: one element per turn, words appended as they come.

import { el, setText } from "../dom.js";
import { clock, t } from "../lang.js";
import { partyName, severityName } from "../words.js";

const AT_END_PX = 48; // so near its end, the list follows the call

export class Transcript {
  constructor(list, board, { earlier, latest }) {
    this._list = list;
    this._board = board;
    this._earlier = earlier; // says that older turns are not shown
    this._latest = latest; // the button back to the newest words
    this._views = new Map(); // line → its elements
    this._follows = true;
    this._scroller = list.parentElement;
    this._scroller.addEventListener("scroll", () => this._scrolled(), { passive: true });
    latest.addEventListener("click", () => this.toEnd());
  }

  reset(board) {
    this._board = board;
    this._views.clear();
    this._list.replaceChildren();
    this._earlier.hidden = true;
    this._follows = true;
    this._latest.hidden = true;
  }

  show(changed) {
    const before = this._views.size;
    for (const line of changed.added) this._add(line);
    for (const line of changed.grown) this._grow(line);
    for (const line of changed.redrawn) this._redraw(line);
    for (const line of changed.tails) this._tail(line);
    for (const line of changed.dropped) this._drop(line);
    if (before && !this._follows && changed.added.length) this._latest.hidden = false;
    const touched = changed.added.length + changed.grown.size + changed.redrawn.size + changed.tails.size;
    if (this._follows && touched) this._scroller.scrollTop = this._scroller.scrollHeight;
  }

  toEnd() {
    this._follows = true;
    this._latest.hidden = true;
    this._scroller.scrollTop = this._scroller.scrollHeight;
  }

  _scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this._scroller;
    this._follows = scrollHeight - scrollTop - clientHeight < AT_END_PX;
    if (this._follows) this._latest.hidden = true;
  }

  _add(line) {
    const words = el("span", { class: "words" });
    const tail = el("span", { class: "tail", "aria-hidden": "true" });
    const row = el(
      "li",
      { class: `turn ${line.party}${line.note ? " gap" : ""}` },
      el("time", {}, clock(line.startMs)),
      el("span", { class: `party ${line.party}` }, partyName(line.party)),
      el("span", { class: "said" }, words, tail),
    );
    this._views.set(line, { row, time: row.firstElementChild, words, tail, shown: 0, last: null, mark: undefined });
    if (line.note) setText(words, t(`（声音缺失：${line.note}）`, `(no audio: ${line.note})`));
    this._list.append(row);
    this._grow(line);
    this._tail(line);
  }

  // Append the tokens not shown yet; neighbours of one kind share one node.
  _grow(line) {
    const view = this._views.get(line);
    if (!view) return;
    if (!view.shown) setText(view.time, clock(line.startMs));
    if (line.tokens.length) view.row.hidden = false;
    for (; view.shown < line.tokens.length; view.shown += 1) {
      const token = line.tokens[view.shown];
      const alert = this._board.hit(token);
      const mark = alert?.id ?? null;
      if (mark !== view.mark || !view.last) {
        view.last = document.createTextNode("");
        view.mark = mark;
        view.words.append(alert ? marked(alert, view.last) : view.last);
      }
      view.last.data += token.text;
    }
  }

  _redraw(line) {
    const view = this._views.get(line);
    if (!view || line.note) return;
    view.words.replaceChildren();
    Object.assign(view, { shown: 0, last: null, mark: undefined });
    this._grow(line);
  }

  _tail(line) {
    const view = this._views.get(line);
    if (!view) return;
    const tail = line.open ? (this._board.tails.get(line.party) ?? "") : "";
    setText(view.tail, tail);
    // A tail that came to nothing shows no empty turn.
    view.row.hidden = !tail && !line.tokens.length && !line.note;
  }

  _drop(line) {
    const view = this._views.get(line);
    if (!view) return;
    const height = this._follows ? 0 : view.row.offsetHeight;
    view.row.remove();
    if (height) this._scroller.scrollTop -= height;
    this._views.delete(line);
    this._earlier.hidden = false;
  }
}

function marked(alert, text) {
  return el("mark", { class: `hit ${alert.severity}`, title: `${severityName(alert.severity)}:${alert.title}` }, text);
}
