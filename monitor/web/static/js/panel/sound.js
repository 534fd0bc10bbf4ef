// The sound of a fatal finding. Browsers allow sound only after the reader has pressed
// something on the page, so the first press of any key or button readies it.

const KEPT = "monitor.muted";

export class Sound {
  constructor(changed) {
    this._changed = changed; // called with "ready", "waiting" or "muted"
    this._context = null;
    this.muted = localStorage.getItem(KEPT) === "1";
    const ready = () => this._ready();
    window.addEventListener("pointerdown", ready, { capture: true });
    window.addEventListener("keydown", ready, { capture: true });
    this._tell();
  }

  toggle() {
    this.muted = !this.muted;
    localStorage.setItem(KEPT, this.muted ? "1" : "0");
    this._tell();
    if (!this.muted) this.alarm();
  }

  // Two falling tones, twice; about a second.
  alarm() {
    if (this.muted || this._context?.state !== "running") return;
    const from = this._context.currentTime + 0.02;
    for (const [after, pitch] of [[0, 880], [0.16, 660], [0.5, 880], [0.66, 660]]) this._tone(from + after, pitch);
  }

  _tone(at, pitch) {
    const tone = this._context.createOscillator();
    const gain = this._context.createGain();
    tone.type = "triangle";
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.35, at + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.15);
    tone.connect(gain).connect(this._context.destination);
    tone.start(at);
    tone.stop(at + 0.16);
  }

  async _ready() {
    if (this._context?.state === "running") return;
    this._context ??= new AudioContext();
    await this._context.resume();
    this._tell();
  }

  _tell() {
    this._changed(this.muted ? "muted" : this._context?.state === "running" ? "ready" : "waiting");
  }
}
