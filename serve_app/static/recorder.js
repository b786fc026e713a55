// A clip of speech: recorded here, dropped, or chosen; with what might be said into it.

import { h, showError } from "./dom.js";
import { number, t } from "./i18n.js";

const LONGEST_S = 30;
const ACCEPTED = "audio/*,video/webm,video/mp4,.wav,.mp3,.flac,.ogg,.opus,.m4a,.webm";

export class ClipRecorder {
  #recorder = null;
  #record = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.#toggle() });
  #level = h("span");
  #seconds = h("span", { class: "time" }, `${number(0, 1)} s`);
  #file = h("input", { type: "file", accept: ACCEPTED, onchange: ({ target }) => target.files[0] && this.#take(target.files[0]) });
  #audio = h("audio", { controls: true, hidden: true });
  #prompt = h("blockquote", { class: "prompt" });
  #label = h("label", {}, h("span"), this.#file);
  #error = h("p", { class: "error", role: "alert", hidden: true });

  /** Blob; null until there is one. */
  clip = null;

  constructor(prompt) {
    this.prompt = prompt;
    this.element = h("div", { class: "drop" },
      this.#prompt,
      h("div", { class: "row" }, this.#record, h("span", { class: "meter", "aria-hidden": "true" }, this.#level), this.#seconds),
      this.#label, this.#audio, this.#error);
    this.element.addEventListener("dragover", (event) => this.#over(event, true));
    this.element.addEventListener("dragleave", (event) => this.#over(event, false));
    this.element.addEventListener("drop", (event) => {
      this.#over(event, false);
      if (event.dataTransfer.files[0]) this.#take(event.dataTransfer.files[0]);
    });
  }

  /** Says everything in the page's language. */
  name() {
    this.#prompt.textContent = t(this.prompt);
    this.#label.firstChild.textContent = t("orFile");
    this.#audio.setAttribute("aria-label", t("clip"));
    this.#show();
  }

  stop() {
    this.#recorder?.stop();
    this.#audio.pause();
  }

  /** What the clip is called on its way; the server looks at what is in it. */
  get fileName() {
    return this.clip.name ?? `clip.${this.clip.type.includes("mp4") ? "m4a" : "webm"}`;
  }

  async #toggle() {
    if (this.#recorder) return this.#recorder.stop();
    showError(this.#error, "");
    let stream;
    try {
      if (!navigator.mediaDevices) throw new Error(t("notSecure"));
      // As it is: what makes calls clear takes away what makes a voice its own.
      const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    } catch (error) {
      return showError(this.#error, t("noMicrophone", { reason: error.message }));
    }
    const recorder = new MediaRecorder(stream);
    const parts = [];
    const meter = new Meter(stream, (level, seconds) => {
      this.#level.style.width = `${100 * level}%`;
      this.#seconds.textContent = `${number(seconds, 1)} s`;
      if (seconds >= LONGEST_S && recorder.state === "recording") recorder.stop();
    });
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      meter.stop();
      for (const track of stream.getTracks()) track.stop();
      this.#recorder = null;
      this.#show();
      this.#take(new Blob(parts, { type: recorder.mimeType }));
    };
    recorder.start();
    this.#recorder = recorder;
    this.#show();
  }

  #take(blob) {
    this.clip = blob;
    URL.revokeObjectURL(this.#audio.src);
    this.#audio.src = URL.createObjectURL(blob);
    this.#audio.hidden = false;
    showError(this.#error, "");
  }

  #show() {
    this.#record.setAttribute("aria-pressed", String(Boolean(this.#recorder)));
    this.#record.textContent = t(this.#recorder ? "stopRecording" : "record");
  }

  #over(event, is) {
    event.preventDefault();
    this.element.classList.toggle("over", is);
  }
}

/** Tells many times a second how loud it is, 0 to 1, and for how long it has been. */
class Meter {
  #context = new AudioContext();
  #frame = 0;

  constructor(stream, tell) {
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#context.createMediaStreamSource(stream).connect(analyser);
    const began = performance.now();
    const samples = new Float32Array(analyser.fftSize);
    const look = () => {
      this.#frame = requestAnimationFrame(look);
      analyser.getFloatTimeDomainData(samples);
      const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      tell(Math.min(1, Math.sqrt(peak)), (performance.now() - began) / 1000);
    };
    look();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#context.close();
  }
}
