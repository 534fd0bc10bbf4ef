// A WebSocket that comes back. It remembers how far it has got and asks for the rest, so that
// nothing is lost or repeated; `state` tells the page how the line is.
//
//   new Feed("/ws/wall", { message(data) {…}, state(name, seconds) {…} })
//
// States: "connecting", "open", "lost" (with the seconds until the next try), "refused" (not
// allowed, or no longer signed in: trying again would not help).

const FIRST_WAIT_S = 0.5;
const LONGEST_WAIT_S = 10;
const POLICY_VIOLATION = 1008;
const SILENCE_S = 25; // a server that pings does so every 10 s; silent for longer, its line is dead

export class Feed {
  constructor(path, { message, state, query = () => "" }) {
    this._path = path;
    this._message = message;
    this._state = state;
    this._query = query;
    this._tries = 0;
    this._heard = 0;
    this._timer = null;
    this._closed = false;
    window.addEventListener("online", () => this._now());
    document.addEventListener("visibilitychange", () => document.hidden || this._now());
    window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
    setInterval(() => this._watch(), 5000);
    this._open();
  }

  close() {
    this._closed = true;
    clearTimeout(this._timer);
    const socket = this._socket;
    this._socket = null;
    // One that is not open yet goes with the page; closing it would be reported as a fault.
    if (socket?.readyState === WebSocket.OPEN) socket.close();
  }

  _open() {
    this._timer = null;
    if (this._closed) return;
    if (this._tries === 0) this._state("connecting");
    const url = new URL(this._path + this._query(), window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this._socket = socket;
    this._heard = performance.now();
    this._pings = false;
    socket.addEventListener("message", (event) => {
      if (socket !== this._socket) return;
      this._heard = performance.now();
      if (this._tries || !this._up) {
        this._tries = 0;
        this._up = true;
        this._state("open");
      }
      const message = JSON.parse(event.data);
      if (message.type === "ping") this._pings = true;
      else this._message(message);
    });
    socket.addEventListener("close", (event) => {
      if (socket === this._socket) this._lost(event.code);
    });
  }

  _lost(code) {
    this._up = false;
    this._socket = null;
    if (this._closed) return;
    if (code === POLICY_VIOLATION) {
      this._refused();
      return;
    }
    this._tries += 1;
    if (this._tries > 1) this._askWhy();
    const wait = Math.min(FIRST_WAIT_S * 2 ** (this._tries - 1), LONGEST_WAIT_S) * (0.8 + 0.4 * Math.random());
    this._state("lost", wait);
    this._timer = setTimeout(() => this._open(), wait * 1000);
  }

  _refused() {
    this._closed = true;
    clearTimeout(this._timer);
    this._state("refused");
  }

  // A refused handshake looks like a dead line to scripts; a plain request tells them apart.
  async _askWhy() {
    try {
      const answer = await fetch("/api/me", { headers: { Accept: "application/json" } });
      if (answer.status === 401) this._refused();
    } catch {
      // the line is dead indeed
    }
  }

  // Try at once instead of waiting; also asked for by a person.
  retry() {
    this._now();
  }

  _now() {
    if (!this._timer) return;
    clearTimeout(this._timer);
    this._open();
  }

  _watch() {
    if (this._up && this._pings && performance.now() - this._heard > SILENCE_S * 1000) {
      const socket = this._socket;
      this._lost(0);
      socket.close();
    }
  }
}
