// The waveform as it grows: bars in SVG, what has been heard in another colour.

import { $, svg } from "./dom.js";

const PEAK_S = 0.02;
const BAR = 3;
const GAP = 1.5;

export class Waveform {
  #host;
  #peaks = [];
  #expected = 0;
  #width = 0;
  #height = 0;

  constructor(host, rate) {
    this.#host = host;
    this.perPeak = Math.round(PEAK_S * rate);
    this.made = svg("path", { class: "made" });
    this.heard = svg("path", { class: "heard" });
    this.clip = svg("rect", { x: 0, y: 0, width: 0, height: "100%" });
    this.rest = svg("line", { class: "rest" });
    host.append(
      svg("svg", { "aria-hidden": "true" },
        svg("defs", {}, svg("clipPath", { id: "heard-so-far" }, this.clip)),
        this.rest, this.made, svg("g", { "clip-path": "url(#heard-so-far)" }, this.heard)),
    );
    new ResizeObserver(() => this.#draw()).observe(host);
  }

  clear() {
    this.#peaks = [];
    this.#expected = 0;
    this.#draw();
  }

  add(samples) {
    for (let start = 0; start < samples.length; start += this.perPeak) {
      let peak = 0;
      const stop = Math.min(samples.length, start + this.perPeak);
      for (let n = start; n < stop; n++) peak = Math.max(peak, Math.abs(samples[n]));
      this.#peaks.push(peak);
    }
    this.#draw();
  }

  /** About how long it will be, seconds; what is not made yet is a line. */
  expect(duration) {
    this.#expected = duration;
    this.#draw();
  }

  get duration() {
    return Math.max(this.#expected, this.#peaks.length * PEAK_S);
  }

  progress(position) {
    const share = this.duration ? position / this.duration : 0;
    this.clip.setAttribute("width", (share * this.#width).toFixed(1));
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (!width) return;
    this.#width = width;
    this.#height = height;
    $("svg", this.#host).setAttribute("viewBox", `0 0 ${width} ${height}`);
    const bars = Math.floor(width / (BAR + GAP));
    const perBar = this.duration / PEAK_S / bars;
    const middle = height / 2;
    let path = "";
    let x = 0;
    for (let bar = 0; bar < bars; bar++) {
      const from = Math.floor(bar * perBar);
      if (from >= this.#peaks.length) break;
      const peak = Math.max(...this.#peaks.slice(from, Math.max(from + 1, Math.floor((bar + 1) * perBar))));
      const half = Math.max(1.5, Math.min(1, 1.4 * peak) * (middle - 2));
      x = bar * (BAR + GAP);
      path += `M${x.toFixed(1)} ${(middle - half).toFixed(1)}h${BAR}v${(2 * half).toFixed(1)}h-${BAR}z`;
    }
    this.made.setAttribute("d", path);
    this.heard.setAttribute("d", path);
    for (const [name, value] of Object.entries({ x1: x ? x + BAR + GAP : 0, x2: width, y1: middle, y2: middle })) {
      this.rest.setAttribute(name, value);
    }
  }
}
