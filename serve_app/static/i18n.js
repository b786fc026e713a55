// What the page says, in three languages.

import en from "./lang-en.js";
import ja from "./lang-ja.js";
import zh from "./lang-zh.js";

const LANGUAGES = { en, ja, zh };
const CHOSEN = "voicegraph-language";

let current = "en";

/** What `key` is called, with `{name}` filled in. */
export function t(key, values = {}) {
  const text = LANGUAGES[current][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The page's language as a BCP-47 tag. */
export const pageLanguage = () => current;

/** The language that was chosen here, else the browser's first that there is. */
export function startingLanguage() {
  const wanted = [localStorage.getItem(CHOSEN), ...navigator.languages].filter(Boolean);
  return wanted.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";
}

export function setLanguage(language, { remember = false } = {}) {
  current = language;
  if (remember) localStorage.setItem(CHOSEN, language);
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const element of document.querySelectorAll("[data-t-placeholder]")) element.placeholder = t(element.dataset.tPlaceholder);
  document.dispatchEvent(new Event("languagechange"));
}

/** A language's name in the page's language. */
export function languageName(tag) {
  return new Intl.DisplayNames([current], { type: "language" }).of(tag);
}

/** A number as people of the page's language write it. */
export function number(value, digits = 0) {
  return value.toLocaleString(current, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Seconds, in the unit that suits. */
export function duration(seconds) {
  return seconds < 0.995 ? `${number(1000 * seconds)} ms` : `${number(seconds, seconds < 10 ? 2 : 1)} s`;
}
