// What a screen shows of a call, folded from its events; the browser's twin of
// monitor/screen/board.py. Knows no DOM. `take` changes it and notes what changed, so that
// a view redraws that and nothing else, however long the call has lasted.

export const KEPT_LINES = 300; // turns kept; the whole call is on its own page

const NEWEST_ALERTS = 30; // a new word can only belong to one of the newest findings

export class Board {
  constructor() {
    this.info = null;
    this.nowMs = 0;
    this.lines = []; // {id, party, startMs, endMs, tokens, open, note}
    this.omitted = 0; // turns no longer kept
    this.tails = new Map(); // party → the recogniser's tentative tail
    this.alerts = new Map(); // by id, oldest first
    this.scripts = new Map(); // by rule and occurrence
    this.gaps = [];
    this.readings = new Map(); // "name party" → the latest reading
    this.spoken = new Map(); // party → ms in finished turns
    this.ended = null;
    this.seen = new Set(); // alerts the reader has put aside
    this.changed = new Changes();
    this._lines = 0;
  }

  take(events, nowMs = 0) {
    this.nowMs = Math.max(this.nowMs, nowMs);
    for (const event of events) this._take(event);
    while (this.lines.length > KEPT_LINES) {
      this.changed.dropped.push(this.lines.shift());
      this.omitted += 1;
    }
  }

  _take(event) {
    switch (event.event) {
      case "call":
        this.info = event;
        break;
      case "token":
        this._token(event);
        break;
      case "partial":
        this._partial(event);
        break;
      case "utterance":
        this._utterance(event);
        break;
      case "alert":
        this._alert(event);
        break;
      case "script":
        this.scripts.set(`${event.rule} ${event.occurrence ?? 0}`, event);
        this.changed.scripts = true;
        break;
      case "reading":
        this.readings.set(`${event.name} ${event.party ?? ""}`.trim(), event);
        this.changed.gauges = true;
        break;
      case "gap":
        this.gaps.push(event);
        this._add({ party: event.party, startMs: event.start_ms, endMs: event.end_ms, open: false, note: event.reason });
        break;
      case "end":
        this.ended = event;
        this.nowMs = Math.max(this.nowMs, event.duration_ms);
        this.tails.clear();
        for (const line of this.lines) if (line.open) this._close(line);
        break;
      default: // speech: what the view needs of it comes with tokens and turns
        break;
    }
  }

  _token(token) {
    const line = this._openLine(token.party) ?? this._add({ party: token.party, startMs: token.start_ms });
    if (!line.tokens.length) line.startMs = token.start_ms;
    line.tokens.push(token);
    line.endMs = token.end_ms;
    this.changed.grown.add(line);
    // What was tentative is committed now; the next tail follows.
    if (this.tails.delete(token.party)) this.changed.tails.add(line);
  }

  _partial(partial) {
    this.tails.set(partial.party, partial.text);
    const line = this._openLine(partial.party);
    if (line) this.changed.tails.add(line);
    else if (partial.text) this.changed.tails.add(this._add({ party: partial.party, startMs: partial.at_ms }));
  }

  _utterance(turn) {
    const line = this._openLine(turn.party) ?? this._add({ party: turn.party, startMs: turn.start_ms });
    if (!line.tokens.length || line.tokens.length !== turn.tokens.length) {
      line.tokens = turn.tokens; // a folded turn, or one whose words we saw only in part
      this.changed.redrawn.add(line);
    }
    line.startMs = turn.start_ms;
    line.endMs = turn.end_ms;
    this.tails.delete(turn.party);
    this.spoken.set(turn.party, (this.spoken.get(turn.party) ?? 0) + turn.end_ms - turn.start_ms);
    this.changed.gauges = true;
    this._close(line);
  }

  _alert(alert) {
    const known = this.alerts.get(alert.id);
    this.alerts.set(alert.id, alert);
    this.changed.alerts.push({ alert, fresh: known === undefined });
    if (alert.state === "retracted") this.seen.delete(alert.id);
    for (const line of this.lines) {
      if (line.party === alert.party && line.startMs <= alert.end_ms && (line.endMs ?? line.startMs) >= alert.start_ms) {
        this.changed.redrawn.add(line);
      }
    }
  }

  _openLine(party) {
    for (let i = this.lines.length - 1; i >= 0; i -= 1) {
      if (this.lines[i].open && this.lines[i].party === party) return this.lines[i];
    }
    return null;
  }

  _add(fields) {
    const line = { id: this._lines, tokens: [], endMs: null, open: true, note: "", ...fields };
    this._lines += 1;
    this.lines.push(line);
    this.changed.added.push(line);
    return line;
  }

  _close(line) {
    line.open = false;
    this.changed.tails.add(line);
  }

  // The newest finding that still stands and whose span covers the token.
  hit(token) {
    let looked = 0;
    for (const alert of [...this.alerts.values()].reverse()) {
      if (alert.party === token.party && alert.state !== "retracted" && alert.start_ms <= token.start_ms && token.end_ms <= alert.end_ms) return alert;
      looked += 1;
      if (looked > NEWEST_ALERTS && alert.end_ms < token.start_ms) return null;
    }
    return null;
  }

  // The one card that may interrupt now: the newest that still stands and was not put aside.
  lead() {
    for (const alert of [...this.alerts.values()].reverse()) {
      if (!alert.interrupts || alert.state === "retracted") continue;
      return this.seen.has(alert.id) ? null : alert;
    }
    return null;
  }

  putAside(id) {
    this.seen.add(id);
  }

  // Scripts that apply: the undecided ones first, by deadline; then by when they were decided.
  checklist() {
    const order = { pending: 0, missed: 1, met: 2 };
    const due = (script) => (script.status === "pending" ? (script.deadline_ms ?? Infinity) : -script.at_ms);
    return [...this.scripts.values()]
      .filter((script) => script.status !== "not_applicable")
      .sort((a, b) => order[a.status] - order[b.status] || compare(due(a), due(b)));
  }

  // How many findings stand, by severity.
  counts() {
    const counts = { fatal: 0, major: 0, minor: 0, tip: 0 };
    for (const alert of this.alerts.values()) if (alert.state !== "retracted") counts[alert.severity] += 1;
    return counts;
  }

  // A party's part of what was spoken so far, turns still open included; null before anybody spoke.
  share(party) {
    const spoken = new Map(this.spoken);
    for (const line of this.lines) {
      if (line.open && line.tokens.length) spoken.set(line.party, (spoken.get(line.party) ?? 0) + line.endMs - line.startMs);
    }
    const total = [...spoken.values()].reduce((sum, ms) => sum + ms, 0);
    return total ? (spoken.get(party) ?? 0) / total : null;
  }

  // What changed since the last call of this.
  drain() {
    const changed = this.changed;
    this.changed = new Changes();
    return changed;
  }
}

class Changes {
  constructor() {
    this.added = []; // lines, in order
    this.dropped = []; // lines no longer kept
    this.grown = new Set(); // lines with new tokens at their end
    this.redrawn = new Set(); // lines whose marks or words changed
    this.tails = new Set(); // lines whose tentative tail changed
    this.alerts = []; // {alert, fresh}
    this.scripts = false;
    this.gauges = false;
  }
}

const compare = (a, b) => (a === b ? 0 : a < b ? -1 : 1);
