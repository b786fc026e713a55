// A voice from a clip: recorded here, dropped or chosen; then what becomes of it.

import { call } from "./api.js";
import { options, TEXT_LANGUAGES } from "./delivery.js";
import { $, showError } from "./dom.js";
import { languageName, number, pageLanguage, t } from "./i18n.js";
import { isUnderWay, statusOf } from "./voices.js";

const LONGEST_S = 30;
const ASK_EVERY_MS = 1000;
const SPOKEN = { en: "en-US", ja: "ja", zh: "zh" };

export function cloneDialog(voices) {
  const dialog = $("#clone");
  const audio = $("#clip");
  let clip = null; // Blob
  let recording = null;

  function open() {
    options($("#clone-language"), TEXT_LANGUAGES.map((tag) => [tag, languageName(tag)]));
    $("#clone-language").value = SPOKEN[pageLanguage()];
    $("#prompt").textContent = t("prompt");
    $("#clone-status").textContent = "";
    $("#clone-progress").hidden = true;
    showError($("#clone-error"), "");
    dialog.showModal();
  }

  function take(blob) {
    clip = blob;
    URL.revokeObjectURL(audio.src);
    audio.src = URL.createObjectURL(blob);
    audio.hidden = false;
    showError($("#clone-error"), "");
  }

  // -- recording ------------------------------------------------------------------------------------------------------

  async function record() {
    if (recording) return recording.stop();
    showError($("#clone-error"), "");
    let stream;
    try {
      if (!navigator.mediaDevices) throw new Error(t("notSecure"));
      // As it is: what makes calls clear takes away what makes a voice its own.
      const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    } catch (error) {
      return showError($("#clone-error"), t("noMicrophone", { reason: error.message }));
    }
    const recorder = new MediaRecorder(stream);
    const parts = [];
    const meter = new Meter(stream);
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      meter.stop();
      for (const track of stream.getTracks()) track.stop();
      recording = null;
      showRecording();
      if (dialog.open) take(new Blob(parts, { type: recorder.mimeType }));
    };
    recorder.start();
    recording = recorder;
    showRecording();
    meter.start((seconds) => {
      $("#seconds").textContent = `${number(seconds, 1)} s`;
      if (seconds >= LONGEST_S) recording?.stop();
    });
  }

  function showRecording() {
    $("#record").setAttribute("aria-pressed", String(Boolean(recording)));
    $("#record").textContent = t(recording ? "stopRecording" : "record");
  }

  // -- sending --------------------------------------------------------------------------------------------------------

  async function send() {
    showError($("#clone-error"), "");
    if (!clip) return showError($("#clone-error"), t("noClip"));
    const form = new FormData();
    form.set("name", $("#clone-name").value);
    form.set("language", $("#clone-language").value);
    form.set("audio_sample", clip, clip.name ?? `clip.${clip.type.includes("mp4") ? "m4a" : "webm"}`);
    $("#clone-send").disabled = true;
    $("#clone-status").textContent = t("cloning");
    try {
      const voice = await (await call("v1/audio/voices", { method: "POST", body: form })).json();
      $("#clone-status").textContent = t("cloned", { name: voice.name });
      await voices.load();
      voices.select(voice.id);
      await follow(voice.id);
    } catch (error) {
      $("#clone-status").textContent = "";
      showError($("#clone-error"), error.message);
    } finally {
      $("#clone-send").disabled = false;
    }
  }

  /** Shows how the fitting goes, as long as somebody looks. */
  async function follow(id) {
    const bar = $("#clone-progress");
    for (;;) {
      const voice = await (await call(`v1/audio/voices/${encodeURIComponent(id)}`)).json();
      bar.hidden = voice.status !== "fitting";
      bar.value = voice.progress;
      if (voice.status !== "ready") $("#clone-status").textContent = statusOf(voice);
      if (!isUnderWay(voice) || !dialog.open) return voices.load();
      await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
    }
  }

  $("#clone-open").addEventListener("click", open);
  $("#clone-close").addEventListener("click", () => dialog.close());
  $("#record").addEventListener("click", record);
  $("#clone-form").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("#file").addEventListener("change", ({ target }) => target.files[0] && take(target.files[0]));
  dialog.addEventListener("close", () => {
    recording?.stop();
    audio.pause();
  });
  dialog.addEventListener("dragover", (event) => {
    event.preventDefault();
    $("#drop").classList.add("over");
  });
  dialog.addEventListener("dragleave", () => $("#drop").classList.remove("over"));
  dialog.addEventListener("drop", (event) => {
    event.preventDefault();
    $("#drop").classList.remove("over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}

/** How loud it is, on a bar, and for how long it has been. */
class Meter {
  #context = new AudioContext();
  #frame = 0;

  constructor(stream) {
    this.analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#context.createMediaStreamSource(stream).connect(this.analyser);
  }

  start(tell) {
    const began = performance.now();
    const samples = new Float32Array(this.analyser.fftSize);
    const look = () => {
      this.analyser.getFloatTimeDomainData(samples);
      const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      $("#level").style.width = `${Math.min(100, 100 * Math.sqrt(peak))}%`;
      this.#frame = requestAnimationFrame(look);
      tell((performance.now() - began) / 1000);
    };
    look();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    $("#level").style.width = "0";
    this.#context.close();
  }
}
