// Waveforms on canvas: the whole call small, and a stretch of it per channel. Peaks come from
// the server by range, at the resolution of the screen.

const SIGNS = { fatal: "■", major: "▲", minor: "●", tip: "○", met: "✓", missed: "＋" };
const MARK_PX = 15; // height of the strip of signs above the lanes
const MIN_SPAN_MS = 1500;
const FINE = 3; // buckets per pixel asked for: fewer would show as blocks

async function peaks(url, from, to, most) {
  const response = await fetch(`${url}?from_ms=${Math.floor(from)}&to_ms=${Math.ceil(to)}&most=${most}`, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const number = (name) => Number(response.headers.get(name));
  return {
    start: number("X-Peaks-Start"),
    bucket: number("X-Peaks-Bucket"),
    channels: number("X-Peaks-Channels"),
    data: new Int8Array(await response.arrayBuffer()),
  };
}

// Least and greatest of a channel between two moments.
function extremes(set, channel, from, to) {
  const { start, bucket, channels, data } = set;
  let first = Math.max(0, Math.floor((from - start) / bucket));
  const last = Math.min(data.length / (2 * channels), Math.max(first + 1, Math.ceil((to - start) / bucket)));
  let low = 0;
  let high = 0;
  for (; first < last; first += 1) {
    const at = 2 * (first * channels + channel);
    if (data[at] < low) low = data[at];
    if (data[at + 1] > high) high = data[at + 1];
  }
  return [low, high];
}

export class Wave extends EventTarget {
  // landmarks: {silences, overlaps, gaps}; marks: [{ref, at, start, end, party, sign, chosen}]
  constructor(overview, lanes, { url, duration, parties }) {
    super();
    Object.assign(this, { overview, lanes, url, duration: Math.max(1, duration), parties });
    this.view = [0, this.duration];
    this.now = 0;
    this.selection = null;
    this.landmarks = { silences: [], overlaps: [], gaps: [] };
    this.marks = [];
    this.words = []; // {party, start}, in order
    this.whole = null;
    this.detail = null;
    this.asked = 0;
    this.scale = 1;
    new ResizeObserver(() => this.#resize()).observe(lanes.parentElement);
    const themes = new MutationObserver(() => this.draw());
    themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.#listen();
  }

  async load() {
    const width = Math.max(600, Math.round(this.overview.clientWidth * devicePixelRatio));
    this.whole = await peaks(this.url, 0, this.duration, width);
    // A quiet line is drawn as tall as a loud one: what matters is where somebody speaks.
    const loudest = this.whole.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    this.scale = 127 / Math.max(12, loudest);
    this.#resize();
    await this.#fetch();
  }

  set time(ms) {
    this.now = ms;
    this.draw();
  }

  // Show a stretch; the playhead or a finding is brought into view with `reveal`.
  show(from, to) {
    const span = Math.min(this.duration, Math.max(MIN_SPAN_MS, to - from));
    const start = Math.min(Math.max(0, from), this.duration - span);
    this.view = [start, start + span];
    this.draw();
    this.#fetch();
  }

  reveal(from, to = from) {
    const [start, end] = this.view;
    if (from >= start && to <= end) return;
    const span = Math.max(end - start, (to - from) * 1.5);
    this.show(from - span * 0.15, from - span * 0.15 + span);
  }

  zoom(factor, at = null) {
    const [from, to] = this.view;
    const middle = at ?? (this.now >= from && this.now <= to ? this.now : (from + to) / 2);
    this.show(middle - (middle - from) * factor, middle + (to - middle) * factor);
  }

  async #fetch() {
    const [from, to] = this.view;
    const asked = ++this.asked;
    await new Promise((done) => setTimeout(done, this.detail ? 60 : 0));
    if (asked !== this.asked) return;
    const set = await peaks(this.url, from, to, Math.round(this.lanes.clientWidth * devicePixelRatio * FINE) || 4000);
    if (asked === this.asked) {
      this.detail = set;
      this.draw();
    }
  }

  #resize() {
    for (const canvas of [this.overview, this.lanes]) {
      canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
      canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
    }
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.#paint();
    });
  }

  #paint() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.#overview(colour);
    this.#lanes(colour);
  }

  #overview(colour) {
    const c = this.overview.getContext("2d");
    const { width, height } = this.overview;
    c.clearRect(0, 0, width, height);
    if (!this.whole) return;
    const x = (ms) => (ms / this.duration) * width;
    const rows = this.whole.channels;
    for (let channel = 0; channel < rows; channel += 1) {
      this.#wave(c, colour, this.whole, channel, 0, this.duration, width, (height * (channel + 0.5)) / rows, (height / rows) * 0.48);
    }
    this.#signs(c, colour, x, height, 9);
    const [from, to] = this.view;
    c.fillStyle = colour("text");
    c.globalAlpha = 0.14;
    c.fillRect(0, 0, x(from), height);
    c.fillRect(x(to), 0, width - x(to), height);
    c.globalAlpha = 1;
    c.strokeStyle = colour("accent");
    c.lineWidth = devicePixelRatio;
    c.strokeRect(x(from) + 0.5, 0.5, Math.max(3, x(to) - x(from)) - 1, height - 1);
    this.#head(c, colour, x(this.now), height);
  }

  #lanes(colour) {
    const c = this.lanes.getContext("2d");
    const { width, height } = this.lanes;
    c.clearRect(0, 0, width, height);
    if (!this.detail) return;
    const [from, to] = this.view;
    const x = (ms) => ((ms - from) / (to - from)) * width;
    const top = MARK_PX * devicePixelRatio;
    const rows = this.detail.channels;
    const lane = (height - top) / rows;
    this.#bands(c, colour, x, top, height, lane);
    for (let channel = 0; channel < rows; channel += 1) {
      const middle = top + lane * (channel + 0.5);
      c.fillStyle = colour("line");
      c.fillRect(0, middle, width, 1);
      this.#wave(c, colour, this.detail, channel, from, to, width, middle, lane * 0.46);
    }
    this.#spans(c, colour, x, top, lane);
    this.#signs(c, colour, x, top, 12);
    this.#ticks(c, colour, x, height);
    this.#head(c, colour, x(this.now), height);
  }

  // A channel in its party's colour; one that holds both in the colour of whoever spoke last.
  #wave(c, colour, set, channel, from, to, width, middle, half) {
    const step = (to - from) / width;
    const mixed = set.channels < this.parties.length ? this.words : [];
    const colours = Object.fromEntries(this.parties.map((party) => [party, colour(party)]));
    let next = 0;
    c.fillStyle = colours[this.parties[channel]] ?? colour("text-3");
    for (let px = 0; px < width; px += 1) {
      for (; next < mixed.length && mixed[next].start <= from + px * step; next += 1) c.fillStyle = colours[mixed[next].party];
      const [low, high] = extremes(set, channel, from + px * step, from + (px + 1) * step);
      const up = Math.min(1, (high * this.scale) / 127) * half;
      const down = Math.min(1, (-low * this.scale) / 127) * half;
      c.fillRect(px, middle - up, 1, Math.max(1, up + down));
    }
  }

  // The lane of a party; both have one where the recording has a single channel.
  #row(party) {
    return Math.min(this.detail.channels - 1, Math.max(0, this.parties.indexOf(party)));
  }

  #bands(c, colour, x, top, height, lane) {
    for (const span of this.landmarks.silences) {
      c.fillStyle = colour("hover");
      c.fillRect(x(span.start_ms), top, x(span.end_ms) - x(span.start_ms), height - top);
    }
    for (const span of this.landmarks.overlaps) this.#hatch(c, colour("major"), x(span.start_ms), x(span.end_ms), top, height - top, 7);
    for (const span of this.landmarks.gaps) {
      const row = this.#row(span.party);
      this.#hatch(c, colour("text-3"), x(span.start_ms), x(span.end_ms), top + lane * row, lane, 4);
    }
  }

  #hatch(c, colour, left, right, top, height, gap) {
    const step = gap * devicePixelRatio;
    c.save();
    c.beginPath();
    c.rect(left, top, Math.max(2, right - left), height);
    c.clip();
    c.strokeStyle = colour;
    c.globalAlpha = 0.55;
    c.lineWidth = devicePixelRatio;
    c.beginPath();
    for (let at = left - height; at < right + height; at += step) {
      c.moveTo(at, top + height);
      c.lineTo(at + height, top);
    }
    c.stroke();
    c.restore();
  }

  // Stretches of findings, in the lane of whoever spoke, and the selection.
  #spans(c, colour, x, top, lane) {
    for (const mark of this.marks) {
      if (mark.sign === "met" || (mark.absent && !mark.chosen)) continue;
      const row = this.#row(mark.party);
      c.fillStyle = colour(mark.sign in SIGNS && mark.sign !== "missed" ? mark.sign : "accent");
      c.globalAlpha = mark.chosen ? 0.32 : 0.14;
      c.fillRect(x(mark.start), top + lane * row, Math.max(2, x(mark.end) - x(mark.start)), lane);
      c.globalAlpha = 1;
    }
    if (this.selection) {
      const [from, to] = this.selection;
      c.fillStyle = colour("accent");
      c.globalAlpha = 0.18;
      c.fillRect(x(from), top, x(to) - x(from), lane * this.detail.channels);
      c.globalAlpha = 1;
    }
  }

  #signs(c, colour, x, bottom, size) {
    c.font = `${size * devicePixelRatio}px sans-serif`;
    c.textBaseline = "bottom";
    c.textAlign = "center";
    for (const mark of this.marks) {
      c.fillStyle = colour({ met: "ok", missed: "accent" }[mark.sign] ?? mark.sign);
      const half = (size / 2) * devicePixelRatio;
      const wide = c.canvas.width;
      if (x(mark.at) < -1 || x(mark.at) > wide + 1) continue;
      const at = Math.min(wide - half, Math.max(half, x(mark.at))); // whole, also at either end
      c.fillText(SIGNS[mark.sign] ?? "●", at, bottom - 1);
      if (mark.chosen) c.fillRect(at - 5 * devicePixelRatio, bottom - 2, 10 * devicePixelRatio, 2);
    }
  }

  #ticks(c, colour, x, height) {
    const [from, to] = this.view;
    const steps = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000];
    const step = steps.find((ms) => (to - from) / ms <= 12) ?? 1_200_000;
    c.font = `${10 * devicePixelRatio}px sans-serif`;
    c.fillStyle = colour("text-3");
    c.textAlign = "left";
    c.textBaseline = "bottom";
    for (let ms = Math.ceil(from / step) * step; ms < to; ms += step) {
      c.fillRect(x(ms), height - 4 * devicePixelRatio, 1, 4 * devicePixelRatio);
      const seconds = ms / 1000;
      const text = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}${step < 1000 ? `.${(ms % 1000) / 100}` : ""}`;
      c.fillText(text, x(ms) + 3 * devicePixelRatio, height);
    }
  }

  #head(c, colour, at, height) {
    c.fillStyle = colour("text");
    c.fillRect(at - devicePixelRatio / 2, 0, Math.max(1.5, devicePixelRatio), height);
  }

  // A click seeks (or chooses the sign under it), a drag selects, Ctrl + wheel zooms, wheel pans.
  #listen() {
    const ms = (canvas, event) => {
      const box = canvas.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      const [from, to] = canvas === this.overview ? [0, this.duration] : this.view;
      return from + share * (to - from);
    };
    this.overview.addEventListener("pointerdown", (event) => {
      this.overview.setPointerCapture(event.pointerId);
      const span = this.view[1] - this.view[0];
      const at = ms(this.overview, event);
      if (span < this.duration) this.show(at - span / 2, at + span / 2);
      this.#say("seek", at);
    });
    let began = null;
    this.lanes.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.lanes.setPointerCapture(event.pointerId);
      began = { x: event.clientX, ms: ms(this.lanes, event), moved: false };
    });
    this.lanes.addEventListener("pointermove", (event) => {
      if (!began) return;
      if (!began.moved && Math.abs(event.clientX - began.x) < 4) return;
      began.moved = true;
      const at = ms(this.lanes, event);
      this.selection = [Math.min(began.ms, at), Math.max(began.ms, at)];
      this.draw();
    });
    this.lanes.addEventListener("pointerup", (event) => {
      if (!began) return;
      const { moved, ms: at } = began;
      began = null;
      if (moved) this.#say("select", this.selection);
      else this.#say("seek", this.#under(event, at) ?? at);
    });
    this.lanes.addEventListener(
      "wheel",
      (event) => {
        const [from, to] = this.view;
        event.preventDefault();
        if (event.ctrlKey) this.zoom(event.deltaY > 0 ? 1.25 : 0.8, ms(this.lanes, event));
        else this.show(from + ((event.deltaX || event.deltaY) / 800) * (to - from), to + ((event.deltaX || event.deltaY) / 800) * (to - from));
      },
      { passive: false },
    );
  }

  // A sign under the pointer is chosen; its stretch begins where the call is to be heard.
  #under(event, at) {
    if (event.offsetY > MARK_PX) return null;
    const reach = ((this.view[1] - this.view[0]) / this.lanes.clientWidth) * 8;
    const mark = this.marks.find((one) => Math.abs(one.at - at) < reach);
    if (!mark) return null;
    this.#say("choose", mark.ref);
    return mark.start;
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
