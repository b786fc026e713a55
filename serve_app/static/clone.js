// A voice from clips; then what becomes of it. Where the server wants the owner's consent on record, that comes first.

import { call } from "./api.js";
import { options, TEXT_LANGUAGES } from "./delivery.js";
import { $, showError } from "./dom.js";
import { languageName, pageLanguage, t } from "./i18n.js";
import { ClipRecorder } from "./recorder.js";
import { isUnderWay, statusOf } from "./voices.js";

const ASK_EVERY_MS = 1000;
const MOST_CLIPS = 8;
const SPOKEN = { en: "en-US", ja: "ja", zh: "zh" };

export function cloneDialog(voices) {
  const dialog = $("#clone");
  const reference = new ClipRecorder("prompt", MOST_CLIPS);
  const consent = new ClipRecorder("consentPrompt");
  $("#reference").append(reference.element);
  $("#consent-recording").append(consent.element);

  function open() {
    options($("#clone-language"), TEXT_LANGUAGES.map((tag) => [tag, languageName(tag)]));
    $("#clone-language").value = SPOKEN[pageLanguage()];
    $("#consent-recording").hidden = true;
    reference.name();
    consent.name();
    tell("");
    dialog.showModal();
  }

  function tell(status, error = "") {
    $("#clone-status").textContent = status;
    $("#clone-progress").hidden = true;
    showError($("#clone-error"), error);
  }

  async function send() {
    const needsConsent = !$("#consent-recording").hidden;
    if (!reference.clips.length || (needsConsent && !consent.clips.length)) return tell("", t("noClip"));
    $("#clone-send").disabled = true;
    tell(t("cloning"));
    try {
      const fields = { name: $("#clone-name").value, language: $("#clone-language").value };
      if (needsConsent) fields.consent = (await post("v1/audio/voice_consents", fields, "recording", consent)).id;
      const voice = await post("v1/audio/voices", fields, "audio_sample", reference);
      tell(t("cloned", { name: voice.name }));
      await voices.load();
      voices.select(voice.id);
      await follow(voice);
    } catch (error) {
      if (error.code === "consent_required") $("#consent-recording").hidden = false;
      tell("", error.message);
    } finally {
      $("#clone-send").disabled = false;
    }
  }

  async function post(path, fields, field, recorder) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    for (const { blob, name } of recorder.clips) form.append(field, blob, name);
    return (await call(path, { method: "POST", body: form })).json();
  }

  /** Shows how the fitting goes, as long as somebody looks. */
  async function follow(voice) {
    while (dialog.open && isUnderWay(voice)) {
      await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
      voice = await (await call(`v1/audio/voices/${encodeURIComponent(voice.id)}`)).json();
      $("#clone-progress").hidden = voice.status !== "fitting";
      $("#clone-progress").value = voice.progress;
      if (voice.status !== "ready") $("#clone-status").textContent = statusOf(voice);
    }
  }

  $("#clone-open").addEventListener("click", open);
  $("#clone-close").addEventListener("click", () => dialog.close());
  $("#clone-form").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  dialog.addEventListener("close", () => {
    reference.stop();
    consent.stop();
  });
}
