// The page as a whole: which view, which language, dark or light, and the key.

import { apiKey } from "./api.js";
import { cloneDialog } from "./clone.js";
import { $, showError } from "./dom.js";
import { pageLanguage, setLanguage, startingLanguage, t } from "./i18n.js";
import { listenView } from "./listen.js";
import { liveView } from "./live.js";

const THEME = "voicegraph-theme";

setLanguage(startingLanguage());
$("#language").value = pageLanguage();
$("#language").addEventListener("change", ({ target }) => setLanguage(target.value, { remember: true }));

$("#theme").addEventListener("click", () => {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem(THEME, dataset.theme);
});

const listen = listenView();
const live = liveView();
cloneDialog(listen.voices);

function showView() {
  const view = location.hash === "#live" ? "live" : "listen";
  for (const name of ["listen", "live"]) $(`#${name}`).hidden = name !== view;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `Voicegraph · ${t(view)}`;
  live.watch(view === "live");
}

addEventListener("hashchange", showView);
document.addEventListener("languagechange", showView);
document.addEventListener("visibilitychange", showView);
showView();

// -- the key ----------------------------------------------------------------------------------------------------------

const keys = $("#keys");

function openKeys(why) {
  $("#key").value = apiKey.get();
  $("#keys-why").textContent = why || t("keyHint");
  if (!keys.open) keys.showModal();
  $("#key").select();
}

function useKey(key) {
  apiKey.set(key.trim());
  keys.close();
  showError($("#error"), "");
  listen.load();
  showView();
}

$("#key-open").addEventListener("click", () => openKeys());
$("#keys-close").addEventListener("click", () => keys.close());
$("#keys-forget").addEventListener("click", () => useKey(""));
$("#keys-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey($("#key").value);
});
document.addEventListener("needkey", ({ detail }) => openKeys(detail));

listen.load();
