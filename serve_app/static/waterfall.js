// Where the time of each request went: for its text and each of its segments, how long it waited and was worked on.
//
//   Request      [...waited for a place...][====================]
//   Text                                   [==]
//   Segment 1                                 [.acoustic==][.vocoder========]
//   Segment 2                                 [.acoustic====]       [.vocoder=======]

import { $, h } from "./dom.js";
import { duration, number, t } from "./i18n.js";

const MOST_REQUESTS = 10;
const MOST_SEGMENTS = 12;
const KEPT_S = 120;
const STAGES = ["Admission", "TextFrontend", "AcousticModel", "Vocoder"];
const DRAW_EVERY_MS = 500;

export class Waterfall {
  #host = $("#requests");
  #requests = new Map(); // by id: {calls, element}
  #chosen = new Map(); // by id: whether the user wants it open; else the newest is
  #drawn = 0;

  constructor() {
    this.#legend();
  }

  /** What the server says was done. */
  add(calls) {
    for (const call of calls) {
      const request = this.#requests.get(call.request) ?? { id: call.request, calls: [] };
      request.calls.push(call);
      request.isNew = true;
      this.#requests.set(call.request, request);
    }
    this.tick();
  }

  /** Opens one as soon as it is there. */
  open(id) {
    this.#chosen.set(id, true);
    this.show();
  }

  /** Draws what is new, not more often than one can see. */
  tick() {
    if (performance.now() - this.#drawn < DRAW_EVERY_MS) return;
    this.#drawn = performance.now();
    this.show({ onlyNew: true });
  }

  show({ onlyNew = false } = {}) {
    if (!onlyNew) this.#legend();
    const requests = [...this.#requests.values()].sort((a, b) => startOf(b) - startOf(a));
    const newest = requests.length ? Math.max(...requests.map(endOf)) : 0;
    for (const [rank, request] of requests.entries()) {
      if (rank >= MOST_REQUESTS || endOf(request) < newest - KEPT_S) {
        request.element?.remove();
        this.#requests.delete(request.id);
        this.#chosen.delete(request.id);
        continue;
      }
      if (request.isNew || !onlyNew) {
        const element = this.#row(request);
        if (request.element) request.element.replaceWith(element);
        request.element = element;
        request.isNew = false;
      }
      if (this.#host.children[rank] !== request.element) this.#host.insertBefore(request.element, this.#host.children[rank] ?? null);
      request.element.open = this.#chosen.get(request.id) ?? rank === 0;
    }
    $("#no-requests").hidden = requests.length > 0;
  }

  #row(request) {
    const start = startOf(request);
    const span = Math.max(endOf(request) - start, 0.001);
    const whole = request.calls.find(({ stage }) => stage === "Admission");
    const segments = [...new Set(request.calls.map(({ segment }) => segment).filter((segment) => segment !== null))].sort((a, b) => a - b);
    const first = Math.min(...request.calls.filter(({ stage }) => stage === "Vocoder").map(({ ended_s }) => ended_s));
    const facts = [
      new Date(1000 * start).toLocaleTimeString(document.documentElement.lang),
      segments.length && t("segments", { count: number(segments.length) }),
      Number.isFinite(first) && t("firstSound", { first: duration(first - start) }),
      whole ? t("total", { total: duration(whole.ended_s - start) }) : t("runs"),
    ];
    const lanes = [
      [t("wholeRequest"), request.calls.filter(({ stage }) => stage === "Admission")],
      [t("wholeText"), request.calls.filter(({ stage, segment }) => segment === null && stage !== "Admission")],
      ...segments.slice(0, MOST_SEGMENTS).map((segment) => [
        t("segment", { number: segment + 1 }), request.calls.filter((call) => call.segment === segment),
      ]),
    ].filter(([, calls]) => calls.length);
    return h("details", { class: "card request" },
      h("summary", { onclick: ({ currentTarget }) => this.#chosen.set(request.id, !currentTarget.parentElement.open) }, h("code", {}, request.id.slice(0, 12)), h("span", { class: "muted" }, facts.filter(Boolean).join(" · "))),
      h("div", { class: "lanes" },
        ticks(span),
        lanes.map(([name, calls]) => lane(name, calls, start, span)),
        segments.length > MOST_SEGMENTS && h("p", { class: "muted" }, t("more", { count: number(segments.length - MOST_SEGMENTS) }))));
  }

  #legend() {
    $("#legend").replaceChildren(
      h("li", {}, h("i", { class: "bar waited" }), t("waits")),
      ...STAGES.slice(1).map((stage) => h("li", {}, h("i", { class: `bar ${stage}` }), t(stage))));
  }
}

function lane(name, calls, start, span) {
  const inOrder = calls.toSorted((a, b) => a.came_s - b.came_s);
  const said = inOrder.map(({ stage, came_s, began_s, ended_s, batch }) =>
    t("barWaited", { stage: t(stage), waited: duration(began_s - came_s), worked: duration(ended_s - began_s) }) +
    (batch > 1 ? ` (${t("inBatch", { batch: number(batch) })})` : ""));
  return h("div", { class: "lane", title: said.join("\n") },
    h("span", { class: "name" }, name),
    h("span", { class: "bars", role: "img", "aria-label": said.join("; ") },
      inOrder.flatMap((call) => [
        bar("waited", call.came_s, call.began_s, start, span),
        bar(call.stage, call.began_s, call.ended_s, start, span, call.batch > 1 ? `×${call.batch}` : ""),
      ])));
}

function bar(kind, from, to, start, span, text = "") {
  const element = h("i", { class: `bar ${kind}` }, text);
  element.style.left = `${(100 * (from - start)) / span}%`;
  element.style.width = `${(100 * (to - from)) / span}%`;
  return element;
}

function ticks(span) {
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((each) => span / each <= 5) ?? span / 4;
  const marks = [];
  for (let at = 0; at <= span; at += step) {
    const mark = h("span", { class: "tick" }, at ? duration(at) : "0");
    mark.style.left = `${(100 * at) / span}%`;
    marks.push(mark);
  }
  return h("div", { class: "lane ticks", "aria-hidden": "true" }, h("span", { class: "name" }), h("span", { class: "bars" }, marks));
}

const startOf = ({ calls }) => Math.min(...calls.map(({ came_s }) => came_s));
const endOf = ({ calls }) => Math.max(...calls.map(({ ended_s }) => ended_s));
