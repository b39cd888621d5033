// Which devices and browsers cannot show the study.

import { cssPerImagePixel, widthOfRow } from "./image_row.js";

const BARS_CSS_PX = 190; // above and below the pictures on the trial page

// What the pages use of a browser; all that are younger than 2023 have it.
export function isBrowserSupported() {
  return typeof ResizeObserver === "function" && typeof createImageBitmap === "function"
    && typeof AbortSignal.timeout === "function";
}

// A finger covers what it should judge, and its touch comes late. A computer without any pointer has its keyboard.
export function isTouchOnly() {
  const has = (query) => window.matchMedia(query).matches;
  return has("(any-pointer: coarse)") && !has("(any-pointer: fine)") && !has("(any-hover: hover)");
}

// CSS pixels that the images of a trial and the page around them take. needs: size, gap, places and pixelScale of the
// study.
export function roomNeeded(needs) {
  const css = cssPerImagePixel(needs);
  return { width: Math.ceil(widthOfRow(needs) * css), height: Math.ceil(needs.size * css) + BARS_CSS_PX };
}

export function isWindowTooSmall(needs) {
  const room = roomNeeded(needs);
  return window.innerWidth < room.width || window.innerHeight < room.height;
}

// Whether no window on this screen would be large enough, however the screen is turned. (A window that is large enough
// proves the contrary: zoomed out, it has more CSS pixels than the screen in some browsers' counting.)
export function isScreenTooSmall(needs) {
  const room = roomNeeded(needs);
  const { width, height } = window.screen;
  return isWindowTooSmall(needs) && (Math.max(width, height) < room.width || Math.min(width, height) < room.height);
}
