// The recording's playback: time in ms, speed, a loop, and each channel's volume.
//
// The audio graph is built only when somebody solos a channel or turns a gain, so that plain
// playback needs nothing but the <audio> element.

const LOOP_REST_MS = 350; // silence between two turns of a loop

export class Player extends EventTarget {
  constructor(audio, channels) {
    super();
    this.audio = audio;
    this.channels = channels;
    this.region = null; // [from, to] in ms: what a loop repeats and `playRegion` plays
    this.looping = false;
    this.gains = Array(channels).fill(0); // dB
    this.only = null; // the soloed channel
    this.nodes = null;
    this.once = null; // stop here, in ms
    for (const name of ["play", "pause", "ended"]) {
      audio.addEventListener(name, () => {
        this.dispatchEvent(new Event("state"));
        if (name === "play") this.#tick();
      });
    }
    audio.addEventListener("seeked", () => this.#tell());
    audio.addEventListener("timeupdate", () => this.#bounds()); // frames rest while nobody looks
    audio.addEventListener("error", () => this.dispatchEvent(new Event("broken")));
  }

  get ms() {
    return this.audio.currentTime * 1000;
  }

  get playing() {
    return !this.audio.paused;
  }

  toggle() {
    this.once = null;
    if (this.playing) this.audio.pause();
    else this.#start();
  }

  seek(ms) {
    this.audio.currentTime = Math.max(0, ms) / 1000;
    this.#tell();
  }

  // Play on from a moment.
  from(ms) {
    this.once = null;
    this.seek(ms);
    this.#start();
  }

  // Play a stretch, then stop – or begin it again, when looping.
  stretch(from, to) {
    this.region = [from, to];
    this.once = to;
    this.seek(from);
    this.#start();
  }

  set speed(rate) {
    this.audio.playbackRate = rate;
    this.audio.preservesPitch = true;
  }

  solo(channel) {
    this.only = channel;
    this.#mix();
  }

  gain(channel, db) {
    this.gains[channel] = db;
    this.#mix();
  }

  #start() {
    this.nodes?.context.resume();
    this.audio.play().catch(() => this.dispatchEvent(new Event("broken")));
  }

  #tick() {
    if (!this.playing) return;
    this.#bounds();
    this.#tell();
    requestAnimationFrame(() => this.#tick());
  }

  // At the end of what is to be heard: stop, or begin it again.
  #bounds() {
    if (!this.playing) return;
    const end = this.looping && this.region ? this.region[1] : this.once;
    if (end !== null && this.ms >= end) {
      if (this.looping && this.region) this.#again();
      else {
        this.once = null;
        this.audio.pause();
      }
    }
  }

  #again() {
    const [from] = this.region;
    this.audio.pause();
    setTimeout(() => {
      if (!this.looping || !this.region) return;
      this.seek(from);
      this.#start();
    }, LOOP_REST_MS);
  }

  #tell() {
    this.dispatchEvent(new Event("time"));
  }

  // Both channels go to both ears: whoever listens with one earpiece misses nothing.
  #mix() {
    if (!this.nodes) {
      if (this.only === null && this.gains.every((db) => db === 0)) return;
      const context = new AudioContext();
      const splitter = context.createChannelSplitter(Math.max(2, this.channels));
      context.createMediaElementSource(this.audio).connect(splitter);
      const limiter = context.createDynamicsCompressor(); // a raised gain must not hurt
      limiter.threshold.value = -3;
      limiter.ratio.value = 20;
      limiter.knee.value = 0;
      limiter.connect(context.destination);
      const gains = this.gains.map((_, channel) => {
        const gain = context.createGain();
        gain.channelCount = 1;
        gain.channelCountMode = "explicit";
        splitter.connect(gain, channel);
        gain.connect(limiter);
        return gain;
      });
      this.nodes = { context, gains };
      context.resume();
    }
    this.nodes.gains.forEach((node, channel) => {
      const heard = this.only === null || this.only === channel;
      node.gain.value = heard ? 10 ** (this.gains[channel] / 20) : 0;
    });
  }
}
