// Clips of speech: recorded here, dropped, or chosen; with what might be said into them.

import { h, showError } from "./dom.js";
import { number, t } from "./i18n.js";

const LONGEST_S = 30;
const ACCEPTED = "audio/*,video/webm,video/mp4,.wav,.mp3,.flac,.ogg,.opus,.m4a,.webm";

export class ClipRecorder {
  #recorder = null;
  #record = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.#toggle() });
  #level = h("span");
  #seconds = h("span", { class: "time" }, `${number(0, 1)} s`);
  #file = h("input", { type: "file", accept: ACCEPTED, onchange: ({ target }) => this.#takeAll(target.files) });
  #list = h("ul", { class: "clips" });
  #prompt = h("blockquote", { class: "prompt" });
  #label = h("label", {}, h("span"), this.#file);
  #error = h("p", { class: "error", role: "alert", hidden: true });

  /** Blobs, each with the name it is sent under. */
  clips = [];

  /** With one clip a new one takes its place; of several each stays until it is removed. */
  constructor(prompt, most = 1) {
    this.prompt = prompt;
    this.most = most;
    this.#file.multiple = most > 1;
    this.element = h("div", { class: "drop" },
      this.#prompt,
      h("div", { class: "row" }, this.#record, h("span", { class: "meter", "aria-hidden": "true" }, this.#level), this.#seconds),
      this.#label, this.#list, this.#error);
    this.element.addEventListener("dragover", (event) => this.#over(event, true));
    this.element.addEventListener("dragleave", (event) => this.#over(event, false));
    this.element.addEventListener("drop", (event) => {
      this.#over(event, false);
      this.#takeAll(event.dataTransfer.files);
    });
  }

  /** Says everything in the page's language. */
  name() {
    this.#prompt.textContent = t(this.prompt);
    this.#label.firstChild.textContent = t("orFile");
    this.#show();
  }

  stop() {
    this.#recorder?.stop();
    for (const audio of this.#list.querySelectorAll("audio")) audio.pause();
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

  #takeAll(files) {
    for (const file of files) this.#take(file);
    this.#file.value = ""; // the same file may be chosen again after it was removed
  }

  #take(blob) {
    if (this.most === 1) this.clips.forEach((clip) => this.#remove(clip));
    if (this.clips.length === this.most) return showError(this.#error, t("tooManyClips", { most: this.most }));
    // The server looks at what is in it, not at its name.
    const clip = { blob, name: blob.name ?? `clip.${blob.type.includes("mp4") ? "m4a" : "webm"}` };
    const audio = h("audio", { controls: true, src: URL.createObjectURL(blob), "aria-label": t("clip") });
    const remove = h("button", { type: "button", class: "quiet icon", "aria-label": t("removeClip"), onclick: () => this.#remove(clip) }, "×");
    clip.item = h("li", {}, audio, this.most > 1 && remove);
    this.clips = [...this.clips, clip];
    this.#list.append(clip.item);
    showError(this.#error, "");
  }

  #remove(clip) {
    URL.revokeObjectURL(clip.item.querySelector("audio").src);
    clip.item.remove();
    this.clips = this.clips.filter((other) => other !== clip);
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
