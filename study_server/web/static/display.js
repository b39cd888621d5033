// What the display and the window do while a pair is shown.

import { pause } from "./requests.js";

const FRAMES = 60;
const FEWEST_FRAMES = 20;
const USUAL_HZ = 60;
const SLOWEST_HZ = 20; // below this the browser holds frames back; no display is that slow

export class Display {
  #intervals = []; // between the latest frames, ms
  #lastFrame = null;
  #window = "";
  wasHidden = false;
  wasAltered = false; // by an extension, or by anything else that changes how the page looks
  windowChanges = 0;

  constructor() {
    this.#window = this.#describe();
    const frame = (time) => {
      if (this.#lastFrame !== null) this.#intervals.push(time - this.#lastFrame);
      if (this.#intervals.length > FRAMES) this.#intervals.shift();
      this.#lastFrame = time;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    document.addEventListener("visibilitychange", () => {
      this.wasHidden ||= document.hidden;
      this.#lastFrame = null; // no frames come while the tab is hidden
    });
    window.addEventListener("resize", () => this.#noteChange());
    this.#watchPixelRatio();
  }

  // From now on `wasHidden` and `windowChanges` are about this trial.
  beginTrial() {
    this.wasHidden = document.hidden;
    this.windowChanges = 0;
  }

  // Frames a second; null where not enough of them have been seen. The median passes over frames that came late.
  get refreshRate() {
    if (this.#intervals.length < FEWEST_FRAMES) return null;
    const sorted = [...this.#intervals].sort((one, other) => one - other);
    const rate = 1000 / sorted[Math.floor(sorted.length / 2)];
    return rate >= SLOWEST_HZ && rate <= 1000 ? Math.round(100 * rate) / 100 : null;
  }

  // When the frame began in which `time` lies, ms, reckoned from the beginning of one before it: where a device is busy,
  // what a frame's callback does is done in a later frame.
  frameAt(time, earlier) {
    const interval = 1000 / (this.refreshRate ?? USUAL_HZ);
    return earlier + Math.max(0, Math.floor((time - earlier) / interval)) * interval;
  }

  // The refresh rate as soon as it is known, or null after `ms`.
  async measureRefreshRate(ms) {
    const end = performance.now() + ms;
    while (this.refreshRate === null && performance.now() < end) await pause(50);
    return this.refreshRate;
  }

  #describe() {
    return `${window.innerWidth} ${window.innerHeight} ${window.devicePixelRatio}`;
  }

  // A change of zoom is heard of twice, and counts once.
  #noteChange() {
    const now = this.#describe();
    if (now !== this.#window) this.windowChanges += 1;
    this.#window = now;
  }

  // A window that is moved to another display does not always change its size.
  #watchPixelRatio() {
    const same = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    same.addEventListener("change", () => {
      this.#noteChange();
      this.#watchPixelRatio();
    }, { once: true });
  }
}
