// The pairs of pictures, fetched in their order before they are needed: the next few decoded, more of them as files,
// so that a connection that is away for a minute is not noticed.

import { decode, loadImage, persist } from "./requests.js";

const DECODED = 6; // 0.5 MB a pair at 256 × 256
const FETCHED = 40; // as files, about half of that

export class Pairs {
  #trials;
  #files = []; // promises of [left, right] as {file, receipt}, by index
  #bitmaps = new Map(); // promises of {left, right, receipts}, by index
  #position = 0;
  #isFetching = false;

  constructor(trials) {
    this.#trials = trials;
    this.#fetchAhead();
  }

  // The pair at this index, decoded. Those before it are let go.
  async at(index) {
    this.#position = index;
    for (const [earlier, pair] of this.#bitmaps) {
      if (earlier >= index) continue;
      this.#bitmaps.delete(earlier);
      pair.then(({ left, right }) => { left.close(); right.close(); }, () => {});
    }
    while (this.#files[index] === undefined) { // the queue has not come to it, perhaps for want of a connection
      this.#fetchAhead();
      await this.#files.at(-1)?.catch(() => {});
    }
    this.#decodeAhead();
    return this.#bitmaps.get(index);
  }

  // One pair at a time, so that the first is there as soon as it can be.
  async #fetchAhead() {
    if (this.#isFetching) return;
    this.#isFetching = true;
    while (this.#files.length < Math.min(this.#trials.length, this.#position + FETCHED)) {
      const { left, right } = this.#trials[this.#files.length];
      const files = Promise.all([left, right].map((url) => persist(() => loadImage(url))));
      this.#files.push(files);
      await files.catch(() => {}); // whoever needs the pair hears of it; until then it is no unhandled rejection
      this.#decodeAhead();
    }
    this.#isFetching = false;
  }

  #decodeAhead() {
    const end = Math.min(this.#files.length, this.#position + DECODED);
    for (let index = this.#position; index < end; index += 1) {
      if (this.#bitmaps.has(index)) continue;
      const pair = this.#files[index].then(async (files) => {
        const [left, right] = await Promise.all(files.map(decode));
        return { left, right, receipts: files.map(({ receipt }) => receipt) };
      });
      pair.catch(() => {});
      this.#bitmaps.set(index, pair);
    }
    for (let index = 0; index < this.#position; index += 1) this.#files[index] = null;
    this.#fetchAhead();
  }
}
