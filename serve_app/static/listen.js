// The view to listen in: from the text to the sound, the words, the files and the code.

import { ApiError, apiKey, bytesOfBase64, call, events } from "./api.js";
import { $, copyText, h, saveAs, showError } from "./dom.js";
import { Delivery } from "./delivery.js";
import { EXAMPLES } from "./examples.js";
import { duration, languageName, number, t } from "./i18n.js";
import { PcmDecoder, Player, wavOf } from "./player.js";
import * as snippets from "./snippets.js";
import { nameOf, VoicePicker } from "./voices.js";
import { Waveform } from "./waveform.js";
import { WordView } from "./words.js";

const RATE_HZ = 24_000;
const STEP_S = 1;
const MODEL = "tts-1";
const TYPES = { wav: "audio/wav", mp3: "audio/mpeg", opus: "audio/ogg", aac: "audio/aac", flac: "audio/flac", pcm: "audio/pcm" };

export function listenView() {
  const text = $("#text");
  const player = new Player(RATE_HZ);
  const wave = new Waveform($("#wave"), RATE_HZ);
  const words = new WordView($("#words"), (position) => player.seek(position));
  const voices = new VoicePicker();
  const delivery = new Delivery();
  let spoken = null; // {request, id, stopping}: what the player has
  let examples = 0;

  const request = () => ({
    model: MODEL,
    voice: voices.selected?.id ?? "alloy",
    input: text.value,
    response_format: $("#format").value,
    ...delivery.fields(),
  });

  // -- speaking -------------------------------------------------------------------------------------------------------

  async function speak() {
    stop();
    showError($("#error"), "");
    const stopping = new AbortController();
    const mine = (spoken = { request: request(), id: "", stopping });
    $("#player").hidden = false;
    wave.clear();
    words.begin(mine.request.input);
    say("making");
    busy(true);
    const began = performance.now();
    const since = () => (performance.now() - began) / 1000;
    let first = 0;
    try {
      await player.begin();
      const json = { ...mine.request, response_format: "pcm", stream_format: "sse", timestamps: "word" };
      const response = await call("v1/audio/speech", { json, signal: stopping.signal });
      mine.id = response.headers.get("x-request-id") ?? "";
      const understood = response.headers.get("x-voicegraph-instructions");
      const pcm = new PcmDecoder();
      let isWhole = false;
      for await (const event of events(response)) {
        if (spoken !== mine) return;
        switch (event.type) {
          case "speech.audio.timestamps":
            words.add(event.words);
            wave.expect(words.expectedDuration());
            break;
          case "speech.audio.delta": {
            const samples = pcm.decode(bytesOfBase64(event.audio));
            player.append(samples);
            wave.add(samples);
            if (!first) say("begun", { first: duration((first = since())) });
            break;
          }
          case "speech.audio.done":
            isWhole = true;
            break;
          case "error":
            throw new ApiError(event.error.message, { code: event.error.code });
        }
      }
      if (!isWhole) throw new ApiError(t("brokenOff"));
      wave.expect(0);
      const total = since();
      say("done", {
        length: duration(player.duration), first: duration(first), total: duration(total), times: number(player.duration / total, 1),
      });
      if (understood) $("#facts").append(` · ${t("understood", { understood })}`);
      const show = () => document.dispatchEvent(new CustomEvent("showrequest", { detail: mine.id }));
      $("#facts").append(" · ", h("a", { href: "#live", onclick: show }, t("whereItWent")));
    } catch (error) {
      if (spoken !== mine) return;
      if (error.name === "AbortError") return say("stopped");
      say("");
      showError($("#error"), error instanceof ApiError ? error.message : t("brokenOff"));
      if (!player.duration) $("#player").hidden = true;
    } finally {
      if (spoken === mine) {
        player.finish();
        busy(false);
      }
    }
  }

  function stop() {
    spoken?.stopping.abort();
    if (player.isPlaying) player.pause();
  }

  function say(key, values) {
    $("#facts").textContent = key && t(key, values);
  }

  function busy(is) {
    $("#stop").disabled = !is && !player.isPlaying;
    $("#player").setAttribute("aria-busy", String(is));
  }

  $("#composer").addEventListener("submit", (event) => {
    event.preventDefault();
    speak();
  });
  $("#stop").addEventListener("click", stop);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !$("#listen").hidden && !document.querySelector("dialog[open]")) speak();
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) stop();
  });

  // -- the player -----------------------------------------------------------------------------------------------------

  const slider = $("#wave");
  let frame = 0;

  function show() {
    const { position } = player;
    wave.progress(position);
    words.light(position);
    $("#time").textContent = clock(position);
    frame = player.isPlaying ? requestAnimationFrame(show) : 0;
  }

  player.addEventListener("change", () => {
    const { isPlaying } = player;
    $("#play").classList.toggle("playing", isPlaying);
    $("#play").setAttribute("aria-label", t(isPlaying ? "pause" : "play"));
    const isMaking = $("#player").getAttribute("aria-busy") === "true";
    $("#stop").disabled = !isPlaying && !isMaking;
    const [position, length] = [player.position, player.duration].map((seconds) => seconds.toFixed(1));
    slider.setAttribute("aria-valuemax", length);
    slider.setAttribute("aria-valuenow", position);
    slider.setAttribute("aria-valuetext", t("positionOf", { position, duration: length }));
    if (!frame) show();
  });
  $("#play").addEventListener("click", () => (player.isPlaying ? player.pause() : player.play()));
  slider.addEventListener("pointerdown", ({ clientX }) => {
    const { left, width } = slider.getBoundingClientRect();
    player.seek(((clientX - left) / width) * wave.duration);
  });
  slider.addEventListener("keydown", (event) => {
    const to = {
      ArrowLeft: player.position - STEP_S, ArrowRight: player.position + STEP_S, ArrowDown: player.position - STEP_S,
      ArrowUp: player.position + STEP_S, PageDown: player.position - 5 * STEP_S, PageUp: player.position + 5 * STEP_S,
      Home: 0, End: player.duration,
    }[event.key];
    if (event.key === " ") $("#play").click();
    else if (to === undefined) return;
    else player.seek(to);
    event.preventDefault();
  });

  // -- files ----------------------------------------------------------------------------------------------------------

  async function save(button, name, make) {
    if (!spoken) return;
    button.disabled = true;
    showError($("#error"), "");
    try {
      saveAs(await make(spoken), name);
      say("saved", { name });
    } catch (error) {
      showError($("#error"), error.message);
    } finally {
      button.disabled = false;
    }
  }

  $("#download").addEventListener("click", ({ currentTarget }) => {
    const format = $("#format").value;
    save(currentTarget, `speech.${format}`, async ({ request: said }) => {
      if (format === "wav" && player.isComplete) return wavOf(player.samples(), RATE_HZ);
      // The same request makes the same audio, to the byte.
      const response = await call("v1/audio/speech", { json: { ...said, response_format: format, stream: false } });
      return new Blob([await response.arrayBuffer()], { type: TYPES[format] });
    });
  });
  for (const format of ["srt", "vtt"]) {
    $(`#${format}`).addEventListener("click", ({ currentTarget }) =>
      save(currentTarget, `speech.${format}`, ({ id, request: said }) => captions(id, said, format)));
  }

  async function captions(id, said, format) {
    try {
      return await (await call(`v1/audio/speech/${encodeURIComponent(id)}/captions?format=${format}`)).blob();
    } catch (error) {
      if (error.status !== 404 && error.status !== 409) throw error;
      return (await call("v1/audio/captions", { json: { ...said, caption_format: format } })).blob(); // kept no longer, or not yet
    }
  }

  // -- code -----------------------------------------------------------------------------------------------------------

  const tabs = [$("#tab-curl"), $("#tab-python")];

  function showCode() {
    const isCurl = tabs[0].getAttribute("aria-selected") === "true";
    const write = isCurl ? snippets.curl : snippets.python;
    $("#snippet code").textContent = write(request(), Boolean(apiKey.get()));
  }

  for (const [number, tab] of tabs.entries()) {
    tab.addEventListener("click", () => {
      for (const each of tabs) {
        each.setAttribute("aria-selected", String(each === tab));
        each.tabIndex = each === tab ? 0 : -1;
      }
      $("#snippet").setAttribute("aria-labelledby", tab.id);
      showCode();
    });
    tab.addEventListener("keydown", ({ key }) => {
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      tabs[1 - number].click();
      tabs[1 - number].focus();
    });
  }
  $("#copy").addEventListener("click", async ({ currentTarget }) => {
    try {
      await copyText($("#snippet").textContent);
      currentTarget.textContent = t("copied");
      setTimeout(() => ($("#copy").textContent = t("copy")), 2000);
    } catch {
      showError($("#error"), t("notCopied"));
    }
  });

  // -- what is chosen -------------------------------------------------------------------------------------------------

  function changed() {
    const { selected } = voices;
    $("#with").textContent = selected ? t("saidBy", { voice: nameOf(selected), language: languageName(selected.language) }) : "";
    $("#count").textContent = t("characters", { count: number(Array.from(text.value).length) });
    showCode();
  }

  text.addEventListener("input", changed);
  $("#format").addEventListener("change", changed);
  delivery.addEventListener("change", changed);
  voices.addEventListener("change", changed);
  voices.addEventListener("failed", ({ detail }) => showError($("#error"), detail));
  document.addEventListener("languagechange", changed);
  function example() {
    const language = delivery.fields().language ?? voices.selected?.language ?? "en-US";
    const choice = EXAMPLES[language] ?? EXAMPLES[language.slice(0, 2)] ?? EXAMPLES["en"];
    text.value = choice[examples++ % choice.length];
    changed();
  }

  $("#example").addEventListener("click", () => {
    example();
    text.focus();
  });

  example();
  return {
    voices,
    load: () => voices.load().catch((error) => showError($("#error"), error.message)),
  };
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
