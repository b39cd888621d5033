// Images side by side, each image pixel exactly k × k device pixels, k a whole number.
//
// The canvas's backing store has one pixel for each device pixel of its box, whatever the display's scale or the
// browser's zoom (ResizeObserver's device-pixel-content-box says how many), so that nothing between here and the
// display resamples it; and all images are drawn at whole-number offsets with smoothing off.

import { cssPerImagePixel, pixelScaleOf, widthOfRow } from "./image_row.js";

export class Stage {
  #canvas; #context; #settings; #margins; #onChange;
  #shown = null; // {place: image}, where places may be missing | "fixation" | null
  #deviceSize = null; // size of the canvas's box in device pixels
  #fitted = null;

  // settings: size, gap, places (from the left), pixelScale, background. margins(): CSS pixels at top and bottom that
  // are covered. onChange(fits) is called when the images begin or cease to fit.
  constructor(canvas, settings, { margins = () => ({ top: 0, bottom: 0 }), onChange = () => {} } = {}) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#settings = settings;
    this.#margins = margins;
    this.#onChange = onChange;
  }

  // Resolves when the canvas's size in device pixels is known.
  start() {
    return new Promise((resolve) => {
      const observer = new ResizeObserver((entries) => {
        const box = entries.at(-1).devicePixelContentBoxSize[0];
        this.#deviceSize = { width: box.inlineSize, height: box.blockSize };
        this.draw();
        resolve();
      });
      observer.observe(this.#canvas, { box: "device-pixel-content-box" });
      // Zooming a full-window canvas changes the pixel ratio but hardly its size in device pixels.
      window.addEventListener("resize", () => this.draw());
      window.visualViewport?.addEventListener("resize", () => this.draw());
    });
  }

  get pixelScale() {
    return pixelScaleOf(this.#settings);
  }

  // What the images need, CSS pixels.
  get needed() {
    const { top, bottom } = this.#margins();
    const css = cssPerImagePixel(this.#settings);
    return {
      width: Math.ceil(widthOfRow(this.#settings) * css),
      height: Math.ceil(this.#settings.size * css + top + bottom),
    };
  }

  get isPinched() {
    return Math.abs((window.visualViewport?.scale ?? 1) - 1) > 1e-3;
  }

  get fits() {
    return Boolean(this.#layout());
  }

  show(images) { this.#set(images); }
  fixate() { this.#set("fixation"); }
  clear() { this.#set(null); }

  #set(shown) {
    this.#shown = shown;
    this.draw();
  }

  // Device-pixel offsets of the first image and from each to the next, or null where there is no room or a pinch zoom
  // would resample them.
  #layout() {
    if (!this.#deviceSize || this.isPinched) return null;
    const { size, gap } = this.#settings;
    const k = this.pixelScale;
    const margins = this.#margins();
    const top = Math.ceil(margins.top * window.devicePixelRatio);
    const bottom = Math.ceil(margins.bottom * window.devicePixelRatio);
    const { width, height } = this.#deviceSize;
    const x = Math.floor((width - widthOfRow(this.#settings) * k) / 2);
    const y = top + Math.floor((height - top - bottom - size * k) / 2);
    return x >= 0 && y >= top ? { k, x, y, side: size * k, step: (size + gap) * k } : null;
  }

  draw() {
    if (!this.#deviceSize) return;
    const { width, height } = this.#deviceSize;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#context;
    context.imageSmoothingEnabled = false; // setting the size has reset it
    context.fillStyle = this.#settings.background;
    context.fillRect(0, 0, width, height);
    const layout = this.#layout();
    if (layout && this.#shown === "fixation") this.#drawFixation(layout);
    else if (layout && this.#shown) this.#drawImages(layout);
    if (this.#fitted !== Boolean(layout)) {
      this.#fitted = Boolean(layout);
      this.#onChange(this.#fitted);
    }
  }

  #drawImages({ x, y, side, step }) {
    for (const [number, place] of this.#settings.places.entries()) {
      const image = this.#shown[place];
      if (image) this.#context.drawImage(image, x + number * step, y, side, side);
    }
  }

  #drawFixation({ k, x: left, y, side }) {
    const x = left + Math.floor((widthOfRow(this.#settings) * k) / 2);
    const middle = y + Math.floor(side / 2);
    const arm = 10 * k;
    const [red, green, blue] = this.#settings.background.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
    this.#context.fillStyle = 0.3 * red + 0.6 * green + 0.1 * blue < 100 ? "#fff" : "#000";
    this.#context.fillRect(x - arm, middle - k, 2 * arm, 2 * k);
    this.#context.fillRect(x - k, middle - arm, 2 * k, 2 * arm);
  }
}

// The time at which the next frame begins.
export const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
