// Choosing a voice: searchable, by language, each with a sample; one's own voices first, with what becomes of them.

import { call } from "./api.js";
import { TEXT_LANGUAGES } from "./delivery.js";
import { $, h } from "./dom.js";
import { languageName, t } from "./i18n.js";

const REMEMBERED = "voicegraph-voice";
const OWN = "own";
const ASK_EVERY_MS = 3000;
const SOON_S = 300; // within which the fitting of a new voice begins, or nobody fits here

export class VoicePicker extends EventTarget {
  #list = $("#voice-list");
  #search = $("#search");
  #voices = [];
  #sample = new Audio();
  #playing = ""; // id of the voice whose sample sounds
  #asking = 0;

  selected = null;

  constructor() {
    super();
    this.#search.addEventListener("input", () => this.#filter());
    this.#sample.addEventListener("ended", () => this.#sampling(""));
    this.#list.addEventListener("change", ({ target }) => this.select(target.value));
    document.addEventListener("languagechange", () => this.#render());
  }

  /** Asks the server what there is. */
  async load() {
    const { voices } = await (await call("v1/audio/voices")).json();
    this.#voices = voices;
    const wanted = this.selected?.id ?? localStorage.getItem(REMEMBERED);
    this.selected = voices.find(({ id }) => id === wanted) ?? voices.find(({ id }) => id === "af_heart") ?? voices[0] ?? null;
    this.#render();
    this.#changed();
    clearTimeout(this.#asking);
    if (voices.some(isUnderWay)) this.#asking = setTimeout(() => this.load().catch(() => {}), ASK_EVERY_MS);
  }

  get languages() {
    return [...new Set(this.#voices.map(({ language }) => language))].sort();
  }

  select(id) {
    const voice = this.#voices.find((each) => each.id === id);
    if (!voice) return;
    this.selected = voice;
    localStorage.setItem(REMEMBERED, id);
    const radio = this.#radio(id);
    if (radio) radio.checked = true;
    this.#show();
    this.#changed();
  }

  #radio(id) {
    return [...this.#list.querySelectorAll("input")].find(({ value }) => value === id);
  }

  /** Scrolls the list, and only that, to the chosen voice. */
  #show() {
    const row = this.#radio(this.selected?.id)?.closest(".voice");
    if (!row || row.hidden) return;
    const { top, bottom } = row.getBoundingClientRect();
    const frame = this.#list.getBoundingClientRect();
    if (top < frame.top || bottom > frame.bottom) this.#list.scrollTop += top - frame.top - frame.height / 3;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #render() {
    const hadFocus = this.#list.contains(document.activeElement) && document.activeElement.value;
    const groups = new Map();
    for (const voice of this.#voices) {
      const group = isOwn(voice) ? OWN : voice.language;
      groups.set(group, [...(groups.get(group) ?? []), voice]);
    }
    const rank = (group) => (group === OWN ? -1 : TEXT_LANGUAGES.indexOf(group) + 1 || TEXT_LANGUAGES.length + 1);
    const order = [...groups.keys()].sort((a, b) => rank(a) - rank(b));
    this.#list.replaceChildren(
      ...order.map((group) =>
        h("fieldset", {},
          h("legend", {}, group === OWN ? t("ownVoices") : languageName(group)),
          ...groups.get(group).map((voice) => this.#row(voice)))),
    );
    this.#filter();
    if (hadFocus) this.#radio(hadFocus)?.focus();
    else this.#show();
  }

  #row(voice) {
    const label = nameOf(voice);
    const facts = isOwn(voice) ? [languageName(voice.language), statusOf(voice)] : [t(voice.gender)];
    return h("div", { class: "voice", "data-search": searchable(voice) },
      h("label", {},
        h("input", { type: "radio", name: "voice", value: voice.id, checked: voice.id === this.selected?.id }),
        h("span", { class: "name" }, label),
        h("span", { class: "muted" }, facts.filter(Boolean).join(" · "))),
      isOwn(voice) && h("button", {
        type: "button", class: "quiet small", "aria-label": t("deleteVoice", { name: label }), onclick: () => this.#delete(voice),
      }, "×"),
      h("button", {
        type: "button", class: "quiet small sample", "aria-label": t("sampleOf", { name: label }),
        "aria-pressed": String(this.#playing === voice.id), "data-voice": voice.id, onclick: () => this.#play(voice),
      }, h("span", { "aria-hidden": "true" })));
  }

  #filter() {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const group of this.#list.children) {
      let here = 0;
      for (const row of group.querySelectorAll(".voice")) {
        row.hidden = !words.every((word) => row.dataset.search.includes(word));
        here += !row.hidden;
      }
      group.hidden = !here;
      found += here;
    }
    $("#found").textContent = words.length ? t("found", { found }) : "";
  }

  async #play(voice) {
    const again = this.#playing === voice.id;
    this.#sample.pause();
    this.#sampling("");
    if (again) return;
    this.#sampling(voice.id);
    try {
      const response = await call(`v1/audio/voices/${encodeURIComponent(voice.id)}/sample`);
      const blob = await response.blob();
      if (this.#playing !== voice.id) return; // another was asked for meanwhile
      URL.revokeObjectURL(this.#sample.src);
      this.#sample.src = URL.createObjectURL(blob);
      await this.#sample.play();
    } catch (error) {
      this.#sampling("");
      this.#failed(error);
    }
  }

  #sampling(id) {
    this.#playing = id;
    for (const button of this.#list.querySelectorAll(".sample")) {
      button.setAttribute("aria-pressed", String(button.dataset.voice === id));
    }
  }

  async #delete(voice) {
    if (!confirm(t("reallyDelete", { name: nameOf(voice) }))) return;
    try {
      await call(`v1/audio/voices/${encodeURIComponent(voice.id)}`, { method: "DELETE" });
      await this.load();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error) {
    this.dispatchEvent(new CustomEvent("failed", { detail: error.message }));
  }
}

/** What people call a voice: its name without the language and gender that stand beside it. */
export function nameOf(voice) {
  return voice.name.replace(/\s*\(.*\)$/, "");
}

/** What becomes of a cloned voice, in words. */
export function statusOf({ source, status, progress, similarity, error }) {
  if (source !== "clone") return t(`source_${source}`);
  if (status === "failed") return t("fitFailed", { error: error ?? "" });
  const now = status === "fitting" ? t("fittingAt", { percent: Math.round(100 * progress) }) : t(`status_${status}`);
  return similarity ? `${now} · ${t("similarity", { cosine: similarity.toFixed(2) })}` : now;
}

/** Whether a voice is to become better soon. */
export function isUnderWay({ source, status, created_at }) {
  return source === "clone" && (status === "fitting" || (status === "ready" && Date.now() / 1000 - created_at < SOON_S));
}

const isOwn = ({ source }) => source !== "preset";

function searchable({ id, name, language, gender, aliases }) {
  return [id, name, language, languageName(language), gender, t(gender), ...aliases].join(" ").toLowerCase();
}
