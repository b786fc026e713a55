// Requests to this server: with the key, errors in the server's words, events as they come.

import { t } from "./i18n.js";

const KEY = "voicegraph-key";

/** Where the API is found, seen from wherever the page was put. */
export const ROOT = new URL("../../", import.meta.url);

export const apiKey = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: (key) => (key ? sessionStorage.setItem(KEY, key) : sessionStorage.removeItem(KEY)),
};

/** What went wrong, in words for people. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", retryAfterS = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, retryAfterS });
  }
}

/** The response to a request; anything but success is an ApiError with the server's message. */
export async function call(path, { json, headers, ...options } = {}) {
  const request = { ...options, headers: { ...headers } };
  const key = apiKey.get();
  if (key) request.headers.Authorization = `Bearer ${key}`;
  if (json !== undefined) {
    request.method ??= "POST";
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(json);
  }
  let response;
  try {
    response = await fetch(new URL(path, ROOT), request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(t("noServer"));
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function errorOf(response) {
  const { status } = response;
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // a proxy's own page, not ours
  }
  if (status === 401) document.dispatchEvent(new CustomEvent("needkey", { detail: error.message }));
  const retryAfterS = Number(response.headers.get("retry-after")) || 0;
  return new ApiError(error.message || t("status", { status }), { status, code: error.code, retryAfterS });
}

/** The server-sent events of a response, as objects. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        if (part.startsWith("data: ")) yield JSON.parse(part.slice(6));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export function bytesOfBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
