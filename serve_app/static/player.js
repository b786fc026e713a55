// Sound as it comes: pieces are put behind one another on the clock of Web Audio, without a gap.
//
//   append(samples) --> [piece][piece][piece]...          position = clock - anchor
//                        ^ anchor: when position 0 is heard; moved back whenever the next piece comes too late

const AHEAD_S = 0.05;

export class Player extends EventTarget {
  #context = null;
  #pieces = []; // {start, buffer, source}; start in seconds
  #anchor = 0;
  #paused = 0; // where it stands while it does not play

  duration = 0;
  isComplete = false;
  isPlaying = false;

  constructor(rate) {
    super();
    this.rate = rate;
  }

  /** Call it in answer to a click: browsers let no page sound before one. */
  async begin() {
    this.clear();
    this.#context ??= new AudioContext({ sampleRate: this.rate, latencyHint: "interactive" });
    this.isPlaying = true;
    await this.#context.resume();
    this.#anchor = this.#context.currentTime + AHEAD_S;
    this.#changed();
  }

  clear() {
    this.#silence();
    this.#pieces = [];
    this.duration = this.#paused = 0;
    this.isComplete = this.isPlaying = false;
    this.#changed();
  }

  /** The next piece: Float32Array at the player's rate. */
  append(samples) {
    if (!samples.length) return;
    const buffer = this.#context.createBuffer(1, samples.length, this.rate);
    buffer.copyToChannel(samples, 0);
    const piece = { start: this.duration, buffer, source: null };
    this.#pieces.push(piece);
    this.duration += samples.length / this.rate;
    if (this.isPlaying) {
      const earliest = this.#context.currentTime + AHEAD_S;
      // It waited for this piece: what follows is heard later, by as much.
      if (this.#anchor + piece.start < earliest) this.#anchor = earliest - piece.start;
      this.#schedule(piece, 0);
    }
    this.#changed();
  }

  /** There are no more pieces. */
  finish() {
    this.isComplete = true;
    this.#endIfHeard();
    this.#changed();
  }

  get position() {
    if (!this.isPlaying) return this.#paused;
    const heard = this.#context.currentTime - (this.#context.outputLatency || 0) - this.#anchor;
    return Math.min(Math.max(0, heard), this.duration);
  }

  /** Whether everything has been heard. */
  get isOver() {
    return this.isComplete && this.position >= this.duration - 0.005;
  }

  async play(from = this.isOver ? 0 : this.#paused) {
    if (!this.#context || !this.duration) return;
    this.#silence();
    await this.#context.resume();
    this.isPlaying = true;
    this.#anchor = this.#context.currentTime + AHEAD_S - from;
    for (const piece of this.#pieces) {
      const skipped = from - piece.start;
      if (skipped < piece.buffer.duration) this.#schedule(piece, Math.max(0, skipped));
    }
    this.#changed();
  }

  pause() {
    this.#paused = this.position;
    this.#silence();
    this.isPlaying = false;
    this.#changed();
  }

  seek(position) {
    const to = Math.min(Math.max(0, position), this.duration);
    if (this.isPlaying) return void this.play(to);
    this.#paused = to;
    this.#changed();
  }

  /** All samples so far. */
  samples() {
    const all = new Float32Array(Math.round(this.duration * this.rate));
    for (const { start, buffer } of this.#pieces) all.set(buffer.getChannelData(0), Math.round(start * this.rate));
    return all;
  }

  #schedule(piece, offset) {
    const source = new AudioBufferSourceNode(this.#context, { buffer: piece.buffer });
    source.connect(this.#context.destination);
    source.onended = () => {
      if (piece.source !== source) return;
      piece.source = null;
      this.#endIfHeard();
    };
    piece.source = source;
    source.start(this.#anchor + piece.start + offset, offset);
  }

  #endIfHeard() {
    if (!this.isPlaying || !this.isComplete || this.#pieces.some(({ source }) => source)) return;
    this.#paused = this.duration;
    this.isPlaying = false;
    this.#changed();
  }

  #silence() {
    for (const piece of this.#pieces) {
      const { source } = piece;
      piece.source = null;
      source?.stop();
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** 16-bit samples in bytes, as the API sends pcm; a byte left over goes before the next ones. */
export class PcmDecoder {
  #left = new Uint8Array(0);

  decode(bytes) {
    const all = new Uint8Array(this.#left.length + bytes.length);
    all.set(this.#left);
    all.set(bytes, this.#left.length);
    this.#left = all.slice(all.length - (all.length % 2));
    const view = new DataView(all.buffer);
    return Float32Array.from({ length: all.length >> 1 }, (_, n) => view.getInt16(2 * n, true) / 32768);
  }
}

/** A WAV file of 16-bit samples. */
export function wavOf(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const ascii = (at, text) => [...text].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  ascii(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // mono
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  ascii(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, n) => view.setInt16(44 + 2 * n, Math.max(-32768, Math.min(32767, Math.round(32768 * sample))), true));
  return new Blob([view], { type: "audio/wav" });
}
