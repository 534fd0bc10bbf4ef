// Gauges: the agent's pace and loudness, and both parties' share of the talking.

import { setText } from "../dom.js";
import { t } from "../lang.js";

const SCALE = { speech_rate: [80, 360], loudness: [-60, 0] };

export class Gauges {
  constructor(root, board) {
    this._root = root;
    this._board = board;
  }

  reset(board) {
    this._board = board;
    this.show();
  }

  show() {
    this._measured("speech_rate", (value) => `${Math.round(value)} ${t("字/分", "char/min")}`);
    this._measured("loudness", (value) => `${value.toFixed(0)} dB`);
    const share = this._board.share("agent");
    this._set("talk_share", share, share === null ? "–" : `${Math.round(share * 100)}%`);
  }

  _measured(name, words) {
    const reading = this._board.readings.get(`${name} agent`);
    const [low, high] = SCALE[name];
    this._set(name, reading ? (reading.value - low) / (high - low) : null, reading ? words(reading.value) : "–");
  }

  _set(name, part, words) {
    const gauge = this._root.querySelector(`[data-gauge="${name}"]`);
    setText(gauge.querySelector(".value"), words);
    const width = part === null ? 0 : Math.min(1, Math.max(0, part));
    gauge.querySelector(".fill").setAttribute("width", String(Math.round(width * 1000) / 10));
  }
}
