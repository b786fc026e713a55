// How it is said: sliders, emotion, language of the text; only what differs from the voice's own way is sent.

import { $, h } from "./dom.js";
import { languageName, number, t } from "./i18n.js";

const SLIDERS = [
  { name: "speed", min: 0.5, max: 2, step: 0.05, value: 1, show: (v) => `${number(v, 2)} ×` },
  { name: "pitch", min: -12, max: 12, step: 0.5, value: 0, show: (v) => t("semitones", { value: (v > 0 ? "+" : "") + number(v, 1) }) },
  { name: "energy", min: 0.25, max: 2, step: 0.05, value: 1, show: (v) => `${number(v, 2)} ×` },
  { name: "intonation", min: 0, max: 2, step: 0.1, value: 1, show: (v) => `${number(v, 1)} ×` },
];
const INTENSITY = { name: "intensity", min: 0, max: 1, step: 0.05, value: 1, show: (v) => `${number(100 * v)} %` };
const EMOTIONS = ["neutral", "happy", "excited", "sad", "angry", "fearful", "surprised", "calm", "whisper", "serious"];
export const TEXT_LANGUAGES = ["en-US", "en-GB", "es", "fr-FR", "hi", "it", "ja", "pt-BR", "zh"];

export class Delivery extends EventTarget {
  #emotion = $("#emotion");
  #instructions = $("#instructions");
  #language = $("#text-language");
  #sliders = SLIDERS.map((slider) => makeSlider(slider));
  #intensity = makeSlider(INTENSITY);

  constructor() {
    super();
    $("#sliders").append(...this.#sliders.map(({ field }) => field));
    this.#emotion.closest(".field").after(this.#intensity.field);
    for (const { input } of [...this.#sliders, this.#intensity]) input.addEventListener("input", () => this.#changed());
    this.#instructions.addEventListener("input", () => this.#changed());
    for (const select of [this.#emotion, this.#language]) select.addEventListener("change", () => this.#changed());
    $("#reset").addEventListener("click", () => this.reset());
    document.addEventListener("languagechange", () => this.#name());
    this.#name();
  }

  reset() {
    for (const { input, slider } of [...this.#sliders, this.#intensity]) input.value = slider.value;
    this.#emotion.value = EMOTIONS[0];
    this.#instructions.value = this.#language.value = "";
    this.#changed();
  }

  /** The fields of a speech request, as far as they are not the voice's own. */
  fields() {
    const fields = {};
    for (const { input, slider } of this.#sliders) {
      if (Number(input.value) !== slider.value) fields[slider.name] = Number(input.value);
    }
    if (this.#isMoved) Object.assign(fields, { emotion: this.#emotion.value, intensity: Number(this.#intensity.input.value) });
    if (this.#instructions.value.trim()) fields.instructions = this.#instructions.value.trim();
    if (this.#language.value) fields.language = this.#language.value;
    return fields;
  }

  get #isMoved() {
    return this.#emotion.value !== EMOTIONS[0];
  }

  #name() {
    options(this.#emotion, EMOTIONS.map((name) => [name, t(`emotion_${name}`)]));
    options(this.#language, [["", t("voicesOwn")], ...TEXT_LANGUAGES.map((tag) => [tag, languageName(tag)])]);
    this.#show();
  }

  #show() {
    for (const { label, slider, input, output } of [...this.#sliders, this.#intensity]) {
      label.textContent = t(slider.name);
      output.textContent = slider.show(Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    }
    this.#intensity.field.hidden = !this.#isMoved;
  }

  #changed() {
    this.#show();
    this.dispatchEvent(new Event("change"));
  }
}

function makeSlider(slider) {
  const { name, min, max, step, value } = slider;
  const label = h("label", { for: name });
  const input = h("input", { type: "range", id: name, min, max, step, value });
  const output = h("span", { class: "muted", "aria-hidden": "true" }); // the slider itself tells its value
  return { slider, label, input, output, field: h("div", { class: "field slider" }, label, output, input) };
}

/** Gives a select these options, [value, name] each; what was chosen stays so. */
export function options(select, named) {
  const chosen = select.value;
  select.replaceChildren(...named.map(([value, name]) => h("option", { value }, name)));
  select.value = named.some(([value]) => value === chosen) ? chosen : named[0][0];
}
