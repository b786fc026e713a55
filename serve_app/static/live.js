// The graph as it is: every stage with its queue, what runs, replicas and batches, twice a second; below it the waterfall.

import { call, events } from "./api.js";
import { $, h, showError, svg } from "./dom.js";
import { duration, number, t } from "./i18n.js";
import { Waterfall } from "./waterfall.js";

const HISTORY = 120; // a minute, at two a second
const SLOTS = 24;
const AGAIN_MS = 2000;
const IN_LINE = ["TextFrontend", "AcousticModel", "Vocoder"]; // the way of a text; what else there is stands beside it

export function liveView() {
  const graph = $("#graph");
  const waterfall = new Waterfall();
  const cards = new Map();
  let watching = null; // AbortController
  let last = null;

  /** Watches or stops; not while nobody can see it. */
  function watch(wanted) {
    if (!wanted || document.hidden) {
      watching?.abort();
      watching = null;
    } else if (!watching) {
      watching = new AbortController();
      follow(watching.signal);
    }
  }

  async function follow(signal) {
    while (!signal.aborted) {
      try {
        const response = await call("v1/load/events", { signal });
        for await (const event of events(response)) {
          if (signal.aborted) return;
          showError($("#live-error"), "");
          $("#connection").textContent = t("connected");
          $("#connection").classList.add("on");
          if (event.type === "load") show(event);
          else waterfall.add(event.calls);
        }
      } catch (error) {
        if (signal.aborted) return;
        $("#connection").textContent = t("reconnecting");
        $("#connection").classList.remove("on");
        showError($("#live-error"), error.status ? error.message : "");
        await new Promise((done) => setTimeout(done, Math.max(AGAIN_MS, 1000 * (error.retryAfterS ?? 0))));
      }
    }
  }

  function show(load) {
    last = load;
    const { utterances, stages } = load;
    card("Utterances").update(utterances);
    for (const stage of stages) card(stage.name).update(stage);
    for (const [name, { element }] of cards) {
      element.hidden = name !== "Utterances" && !stages.some((stage) => stage.name === name);
    }
    waterfall.tick();
  }

  function card(name) {
    if (!cards.has(name)) {
      const made = new StageCard(name);
      cards.set(name, made);
      const rank = name === "Utterances" ? 0 : 1 + (IN_LINE.indexOf(name) + 1 || 9);
      made.element.style.order = rank;
      graph.append(made.element);
    }
    return cards.get(name);
  }

  document.addEventListener("showrequest", ({ detail }) => waterfall.open(detail));
  document.addEventListener("languagechange", () => {
    for (const { element } of cards.values()) element.remove();
    cards.clear();
    if (last) show(last);
    waterfall.show();
  });
  return { watch };
}

class StageCard {
  #values = {};
  #history = [];

  constructor(name) {
    this.isStage = name !== "Utterances";
    const facts = this.isStage
      ? ["replicas", "waiting", "running", "batch", "median", "p95"]
      : ["waiting", "running", "nextWaits"];
    const id = `stage-${name}`;
    this.queue = h("div", { class: "queue", "aria-hidden": "true" });
    this.waiting = svg("path", { class: "waiting" });
    this.running = svg("path", { class: "running" });
    this.element = h("section", { class: `card stage stage-${name}${IN_LINE.includes(name) || !this.isStage ? "" : " aside"}`, "aria-labelledby": id },
      h("h2", { id }, t(name)),
      this.queue,
      svg("svg", { class: "spark", viewBox: `0 0 ${HISTORY} 30`, preserveAspectRatio: "none", role: "img", "aria-label": t("lastMinute") }, this.waiting, this.running),
      h("dl", {}, facts.map((fact) => h("div", {}, h("dt", {}, t(fact)), (this.#values[fact] = h("dd", {}, "–"))))));
  }

  update(load) {
    const { waiting, running, max_running: most } = load;
    this.#say("waiting", this.isStage ? number(waiting) : t("ofMost", { value: number(waiting), most: number(load.max_waiting) }));
    this.#say("running", t("ofMost", { value: number(running), most: number(most) }));
    if (this.isStage) {
      this.#say("replicas", number(load.replicas));
      this.#say("batch", load.batch == null ? "–" : number(load.batch, 1));
      this.#say("median", load.p50_s == null ? "–" : duration(load.p50_s));
      this.#say("p95", load.p95_s == null ? "–" : duration(load.p95_s));
    } else {
      this.#say("nextWaits", duration(load.estimated_wait_s));
    }
    this.#drawQueue(waiting, running, Math.min(most, SLOTS / 2));
    this.#history = [...this.#history, [waiting, running]].slice(-HISTORY);
    this.#drawHistory();
    this.element.classList.toggle("busy", running > 0);
  }

  #say(fact, text) {
    if (this.#values[fact].textContent !== text) this.#values[fact].textContent = text;
  }

  /** Waiting at the left, what runs at the right, as in a queue before a counter. */
  #drawQueue(waiting, running, places) {
    const inLine = Math.min(waiting, SLOTS / 2);
    const kinds = [
      ...(waiting > inLine ? [`+${number(waiting - inLine)}`] : []),
      ...Array(inLine).fill("waits"),
      ...Array(Math.min(running, SLOTS / 2)).fill("runs"),
      ...Array(Math.max(0, places - running)).fill("free"),
    ];
    const shown = kinds.join();
    if (this.queue.dataset.shown === shown) return;
    this.queue.dataset.shown = shown;
    this.queue.replaceChildren(...kinds.map((kind) => (kind[0] === "+" ? h("b", {}, kind) : h("i", { class: kind }))));
  }

  #drawHistory() {
    const most = Math.max(4, ...this.#history.flat());
    const start = HISTORY - this.#history.length;
    const line = (which) => this.#history.map((values, n) => `${start + n} ${(29 - (28 * values[which]) / most).toFixed(1)}`).join("L");
    this.waiting.setAttribute("d", `M${start} 30L${line(0)}L${HISTORY - 1} 30Z`);
    this.running.setAttribute("d", `M${line(1)}`);
  }
}
