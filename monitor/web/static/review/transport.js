// The player of a page: audio, waveform and transcript, moved together by buttons and keys.

import { get } from "../js/api.js";
import { setIcon } from "../js/dom.js";
import * as keys from "../js/keys.js";
import { clock, t } from "../js/lang.js";
import { Player } from "./player.js";
import { Transcript } from "./transcript.js";
import { Wave } from "./wave.js";

const $ = (id) => document.getElementById(id);
const SEEK_MS = 5000;
const LEAD_MS = 400; // a stretch is easier to understand with a little before it
const OPENING_MS = 90_000; // a long call opens on its first minute and a half

export class Transport extends EventTarget {
  // `root` carries data-call, -duration, -parties and, where there is a recording, an <audio id=audio>.
  constructor(root) {
    super();
    this.call = root.dataset.call;
    this.duration = Number(root.dataset.duration);
    this.parties = root.dataset.parties.split(" ").filter(Boolean);
    this.transcript = new Transcript($("transcript"), this.call);
    const audio = $("audio");
    this.player = audio ? new Player(audio, this.parties.length) : null;
    this.wave = audio ? new Wave($("overview"), $("lanes"), { url: `/calls/${this.call}/peaks`, duration: this.duration, parties: this.parties }) : null;
    this.transcript.addEventListener("hear", (event) => this.player?.from(event.detail));
    $("follow").addEventListener("change", (event) => (this.transcript.follow = event.target.checked));
    if (this.player) {
      this.#buttons();
      this.#waveform();
      this.#keys();
    }
  }

  async load() {
    const { wave } = this;
    if (wave && this.duration > OPENING_MS * 1.5) wave.view = [0, OPENING_MS];
    const drawn = wave
      ?.load()
      .then(() => {
        this.say("");
        // Asked for only now: the first to ask has the recording prepared, the others find it done.
        this.player.audio.preload = "metadata";
      })
      .catch((error) => this.say(`${t("波形暂时不可用", "No waveform")}: ${error.message}`));
    const landmarks = get(`/api/calls/${this.call}/landmarks`).then((found) => {
      if (wave) wave.landmarks = found;
      wave?.draw();
    });
    const words = this.transcript.load().then(() => {
      if (wave) wave.words = this.transcript.words;
      wave?.draw();
    });
    await Promise.all([drawn, landmarks, words]);
  }

  // Go to a moment without playing.
  jump(ms) {
    this.player?.seek(ms);
    this.transcript.reveal(ms);
    this.wave?.reveal(ms);
  }

  // Play a stretch with a little around it.
  hear(from, to) {
    this.player?.stretch(Math.max(0, from - LEAD_MS), to + LEAD_MS);
    this.wave?.reveal(from, to);
    this.transcript.reveal(from);
  }

  // What a loop repeats.
  region(from, to) {
    if (this.player) this.player.region = [Math.max(0, from - LEAD_MS), to + LEAD_MS];
  }

  say(text) {
    const state = $("wave-state");
    if (state) state.textContent = text;
  }

  #show(ms) {
    const { wave, player } = this;
    $("time").textContent = `${clock(ms)} / ${clock(this.duration)}`;
    this.transcript.time = ms;
    wave.time = ms;
    if (!player.playing) return;
    const [from, to] = wave.view;
    const span = to - from;
    if (ms > to - span * 0.08 && to < this.duration) wave.show(ms - span * 0.15, ms + span * 0.85);
    else if (ms < from) wave.reveal(ms);
  }

  #buttons() {
    const { player } = this;
    player.addEventListener("time", () => this.#show(player.ms));
    player.addEventListener("state", () => {
      const button = $("play");
      setIcon(button.querySelector("svg"), player.playing ? "pause" : "play");
      button.setAttribute("aria-label", player.playing ? t("暂停", "Pause") : t("播放", "Play"));
    });
    player.addEventListener("broken", () => this.say(t("录音无法播放", "The recording cannot be played")));
    $("play").addEventListener("click", () => player.toggle());
    $("speed").addEventListener("change", (event) => (player.speed = Number(event.target.value)));
    $("loop").addEventListener("click", () => this.#loop());
    $("solo")?.addEventListener("click", (event) => {
      const button = event.target.closest("[data-solo]");
      if (button) this.#solo(button.dataset.solo === "" ? null : Number(button.dataset.solo));
    });
    for (const slider of document.querySelectorAll("[data-gain]")) {
      slider.addEventListener("input", () => {
        player.gain(Number(slider.dataset.gain), Number(slider.value));
        slider.nextElementSibling.textContent = `${Number(slider.value) > 0 ? "+" : ""}${slider.value} dB`;
      });
    }
  }

  #waveform() {
    const { wave, player, transcript } = this;
    $("zoom-in").addEventListener("click", () => wave.zoom(0.5));
    $("zoom-out").addEventListener("click", () => wave.zoom(2));
    $("zoom-all").addEventListener("click", () => wave.show(0, this.duration));
    wave.addEventListener("seek", (event) => {
      player.seek(event.detail);
      transcript.reveal(event.detail);
    });
    wave.addEventListener("select", (event) => {
      const [start, end] = event.detail;
      const words = transcript.between(null, start, end);
      const party = words[0]?.party ?? this.parties[0];
      const quote = words.filter((word) => word.party === party).map((word) => word.text).join("");
      this.dispatchEvent(new CustomEvent("select", { detail: { party, start: Math.round(start), end: Math.round(end), quote } }));
    });
  }

  #keys() {
    const { player } = this;
    keys.bind({
      space: [t("播放 / 暂停", "Play / pause"), () => player.toggle()],
      j: [t("后退 5 秒", "Back 5 s"), () => this.jump(player.ms - SEEK_MS)],
      k: [t("暂停", "Pause"), () => player.playing && player.toggle()],
      l: [t("前进 5 秒", "Forward 5 s"), () => this.jump(player.ms + SEEK_MS)],
      r: [t("循环", "Loop"), () => this.#loop()],
    });
    if (this.parties.length < 2) return;
    keys.bind({ s: [t("轮换：听双方 / 只听一方", "In turn: both / one party"), () => this.#nextSolo()] });
  }

  #loop() {
    this.player.looping = !this.player.looping;
    $("loop").setAttribute("aria-pressed", String(this.player.looping));
  }

  #nextSolo() {
    const buttons = [...$("solo").querySelectorAll("button")];
    const now = buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
    buttons[(now + 1) % buttons.length].click();
  }

  #solo(channel) {
    this.player.solo(channel);
    for (const button of $("solo").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.solo === (channel === null ? "" : String(channel))));
    }
  }
}
