// Images side by side, each image pixel exactly k × k device pixels, k a whole number.
//
// The canvas's backing store has one pixel for each device pixel of its box, whatever the display's scale or the
// browser's zoom (device_pixels.js knows how many), so that nothing between here and the display resamples it; and all
// images are drawn at whole-number offsets with smoothing off. Where that cannot be, nothing is shown.

import { DevicePixels } from "./device_pixels.js";
import { cssPerImagePixel, pixelScaleOf, widthOfRow } from "./image_row.js";
import { pageEffect } from "./page_effects.js";

const LOOK_EVERY_MS = 50; // for what hinders; in every frame it would cost a hundredth of the time

export class Stage {
  #canvas; #context; #settings; #margins; #onChange; #devicePixels;
  #shown = null; // {place: image}, where places may be missing | "fixation" | null
  #obstacle; // undefined before anything was drawn

  // settings: size, gap, places (from the left), pixelScale, background. margins(): CSS pixels at top and bottom that
  // are covered. onChange(obstacle) is called when the obstacle becomes another one.
  constructor(canvas, settings, { margins = () => ({ top: 0, bottom: 0 }), onChange = () => {} } = {}) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#settings = settings;
    this.#margins = margins;
    this.#onChange = onChange;
    this.#devicePixels = new DevicePixels(canvas);
  }

  // Resolves when the canvas's size is known.
  async start() {
    await this.#devicePixels.watch(() => this.draw());
    // Zooming a full-window canvas changes the pixel ratio but hardly its size in device pixels.
    window.addEventListener("resize", () => this.draw());
    window.visualViewport?.addEventListener("resize", () => this.draw());
    // No event tells of a style that an extension changes.
    let looked = -Infinity;
    const look = (time) => {
      if (time - looked >= LOOK_EVERY_MS) {
        looked = time;
        if (this.obstacle !== this.#obstacle) this.draw();
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
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

  // Why the images cannot be shown exactly as things are: "pinched", "altered" by something on the page, "inexact" where
  // the browser's device pixels are not known, "room"; null where they can.
  get obstacle() {
    if (Math.abs((window.visualViewport?.scale ?? 1) - 1) > 1e-3) return "pinched";
    if (pageEffect(this.#canvas)) return "altered";
    const size = this.#devicePixels.size;
    if (!size) return "inexact";
    return this.#layout(size) ? null : "room";
  }

  show(images) { this.#set(images); }
  fixate() { this.#set("fixation"); }
  clear() { this.#set(null); }

  #set(shown) {
    this.#shown = shown;
    this.draw();
  }

  // Device-pixel offsets of the first image and from each to the next on a canvas of this size; null without room.
  #layout({ width, height }) {
    const { size, gap } = this.#settings;
    const k = this.pixelScale;
    const margins = this.#margins();
    const top = Math.ceil(margins.top * window.devicePixelRatio);
    const bottom = Math.ceil(margins.bottom * window.devicePixelRatio);
    const x = Math.floor((width - widthOfRow(this.#settings) * k) / 2);
    const y = top + Math.floor((height - top - bottom - size * k) / 2);
    return x >= 0 && y >= top ? { k, x, y, side: size * k, step: (size + gap) * k } : null;
  }

  draw() {
    const obstacle = this.obstacle;
    const { width, height } = this.#devicePixels.size ?? this.#canvas;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#context;
    context.imageSmoothingEnabled = false; // setting the size has reset it
    context.fillStyle = this.#settings.background;
    context.fillRect(0, 0, width, height);
    const layout = obstacle ? null : this.#layout({ width, height });
    if (layout && this.#shown === "fixation") this.#drawFixation(layout);
    else if (layout && this.#shown) this.#drawImages(layout);
    if (this.#obstacle !== obstacle) {
      this.#obstacle = obstacle;
      this.#onChange(obstacle);
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
