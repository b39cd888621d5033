// How many device pixels an element's box has, and how that is known.
//
// Chromium and Firefox report it (ResizeObserver's device-pixel-content-box), at any scale and zoom. WebKit does not.
// There it is derived from the element's rectangle, which can be done where a CSS pixel is a whole number of device
// pixels: at a whole devicePixelRatio and without page zoom, which WebKit leaves out of that ratio.

const NEARLY = 1e-3;
const WIDEST_BORDERS = 16; // CSS pixels; the smallest zoom step makes far more of a window that the images fit in

const isReported = typeof ResizeObserver === "function" && "ResizeObserverEntry" in window
  && "devicePixelContentBoxSize" in ResizeObserverEntry.prototype;

// "reported" by the browser, or "derived".
export const exactness = isReported ? "reported" : "derived";

const isWhole = (number) => Math.abs(number - Math.round(number)) < NEARLY;

// Zoomed, a page has other CSS pixels than the window around it. (So has one beside a side bar: the two look the same.)
const isZoomed = () => Math.abs(window.outerWidth - window.innerWidth) > WIDEST_BORDERS;

// Whether device pixels are known as things are: where they are reported, always.
export const areDevicePixelsKnown = () => isReported
  || (isWhole(window.devicePixelRatio) && !isZoomed() && isWhole(window.visualViewport?.width ?? window.innerWidth));

export class DevicePixels {
  #element;
  #reported = null;

  constructor(element) {
    this.#element = element;
  }

  // Of the element's box, {width, height}; null where they are not known: not yet, or not as things are.
  get size() {
    return isReported ? this.#reported : this.#derived;
  }

  get #derived() {
    if (!areDevicePixelsKnown()) return null;
    const { left, top, width, height } = this.#element.getBoundingClientRect();
    const [x, y, ...size] = [left, top, width, height].map((css) => css * window.devicePixelRatio);
    if (![x, y, ...size].every(isWhole)) return null;
    return { width: Math.round(size[0]), height: Math.round(size[1]) };
  }

  // Resolves after the first call of onChange(), which is called whenever the box has another size.
  watch(onChange) {
    return new Promise((resolve) => {
      const observer = new ResizeObserver((entries) => {
        const reported = entries.at(-1).devicePixelContentBoxSize?.[0];
        if (reported) this.#reported = { width: reported.inlineSize, height: reported.blockSize };
        onChange();
        resolve();
      });
      observer.observe(this.#element, { box: isReported ? "device-pixel-content-box" : "content-box" });
    });
  }
}
