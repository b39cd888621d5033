// The images of the trials, fetched in the trials' order before they are needed: those of the next few decoded, more of
// them as files, so that a connection that is away for a minute is not noticed.

import { decode, loadImage, persist } from "./requests.js";

const DECODED = 6; // trials; 0.25 MB an image of 256 × 256
const FETCHED = 40; // as files, about half of that

// {place: value} of {place: other}, with each value awaited.
async function mapPlaces(byPlace, change) {
  const changed = Object.entries(byPlace).map(async ([place, value]) => [place, await change(value)]);
  return Object.fromEntries(await Promise.all(changed));
}

export class TrialImages {
  #trials; // [{images: {place: address}}]
  #files = []; // promises of {place: {file, receipt}}, by index
  #bitmaps = new Map(); // promises of {images: {place: bitmap}, receipts: {place: receipt}}, by index
  #position = 0;
  #isFetching = false;

  constructor(trials) {
    this.#trials = trials;
    this.#fetchAhead();
  }

  // The images of the trial at this index, decoded, and their receipts. Those of the trials before it are let go.
  async at(index) {
    this.#position = index;
    for (const [earlier, shown] of this.#bitmaps) {
      if (earlier >= index) continue;
      this.#bitmaps.delete(earlier);
      shown.then(({ images }) => { for (const image of Object.values(images)) image.close(); }, () => {});
    }
    while (this.#files[index] === undefined) { // the queue has not come to it, perhaps for want of a connection
      this.#fetchAhead();
      await this.#files.at(-1)?.catch(() => {});
    }
    this.#decodeAhead();
    return this.#bitmaps.get(index);
  }

  // One trial at a time, so that the first is there as soon as it can be.
  async #fetchAhead() {
    if (this.#isFetching) return;
    this.#isFetching = true;
    while (this.#files.length < Math.min(this.#trials.length, this.#position + FETCHED)) {
      const { images } = this.#trials[this.#files.length];
      const files = mapPlaces(images, (url) => persist(() => loadImage(url)));
      this.#files.push(files);
      await files.catch(() => {}); // whoever needs the images hears of it; until then it is no unhandled rejection
      this.#decodeAhead();
    }
    this.#isFetching = false;
  }

  #decodeAhead() {
    const end = Math.min(this.#files.length, this.#position + DECODED);
    for (let index = this.#position; index < end; index += 1) {
      if (this.#bitmaps.has(index)) continue;
      const shown = this.#files[index].then(async (files) => ({
        images: await mapPlaces(files, decode),
        receipts: await mapPlaces(files, ({ receipt }) => receipt),
      }));
      shown.catch(() => {});
      this.#bitmaps.set(index, shown);
    }
    for (let index = 0; index < this.#position; index += 1) this.#files[index] = null;
    this.#fetchAhead();
  }
}
