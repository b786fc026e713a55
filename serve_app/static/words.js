// The text, its words lit as they are spoken; a click on one goes there.

import { h } from "./dom.js";

export class WordView {
  #host;
  #characters = []; // code points, as the API counts
  #shown = 0;
  #words = []; // {start, end, element}, by time
  #rest = document.createTextNode("");
  #lit = null;

  constructor(host, onPick) {
    this.#host = host;
    host.addEventListener("click", ({ target }) => {
      const word = this.#words.find(({ element }) => element === target);
      if (word) onPick(word.start);
    });
  }

  begin(text) {
    this.#characters = Array.from(text);
    this.#shown = 0;
    this.#words = [];
    this.#lit = null;
    this.#rest = document.createTextNode(text);
    this.#host.replaceChildren(this.#rest);
    this.#host.scrollTop = 0;
  }

  /** What the API says of the next words. */
  add(marks) {
    for (const { start_s: start, end_s: end, text_start: from, text_end: to } of marks) {
      if (from < this.#shown) continue; // a part of a word that is there already
      const element = h("span", { class: "word" }, this.#text(from, to));
      this.#rest.before(this.#text(this.#shown, from), element);
      this.#words.push({ start, end, element });
      this.#shown = to;
    }
    this.#rest.data = this.#text(this.#shown);
  }

  /** About how long all of it takes, from what is known of its beginning; 0 while nothing is. */
  expectedDuration() {
    const last = this.#words.at(-1);
    return last ? (last.end * this.#characters.length) / this.#shown : 0;
  }

  light(position) {
    const now = this.#words.findLast(({ start }) => start <= position);
    const word = now && position < now.end + 0.15 ? now.element : null;
    if (word === this.#lit) return;
    this.#lit?.classList.remove("now");
    this.#lit = word;
    for (const { element, start } of this.#words) element.classList.toggle("said", start <= position);
    if (!word) return;
    word.classList.add("now");
    const { offsetTop, offsetHeight } = word;
    if (offsetTop < this.#host.scrollTop || offsetTop + offsetHeight > this.#host.scrollTop + this.#host.clientHeight) {
      this.#host.scrollTop = offsetTop - this.#host.clientHeight / 3;
    }
  }

  #text(from, to) {
    return this.#characters.slice(from, to).join("");
  }
}
