// The screen's size by a bank card: an outline is fitted to a card that is held against the screen.

import { markStarted } from "./started.js";
import { say } from "./texts.js";

const CARD_CM = 8.56; // ISO/IEC 7810 ID-1: 85.60 mm × 53.98 mm
const SMALLEST_PX = 120;
const LARGEST_PX = 1400;

const element = (id) => document.getElementById(id);
const slider = element("width");
const card = element("card");
const corner = element("corner");
const matched = element("matched");

let ratio = window.devicePixelRatio;

function setWidth(width) {
  slider.value = Math.min(Number(slider.max), Math.max(Number(slider.min), width));
  const shown = Number(slider.value);
  card.style.setProperty("--card-width", `${shown}px`);
  slider.setAttribute("aria-valuetext", say("widthIs", { width: Math.round(shown) }));
  element("css-px-per-cm").value = shown / CARD_CM;
  element("ratio").value = window.devicePixelRatio;
}

// What has been fitted fits no longer.
function mistrust(reason) {
  matched.checked = false;
  element("changed").textContent = reason;
  element("changed").hidden = !reason;
}

// No wider than the window, so that the corner stays within reach.
function setLimits() {
  slider.min = SMALLEST_PX;
  slider.max = Math.max(SMALLEST_PX, Math.min(LARGEST_PX, document.documentElement.clientWidth - 64));
}

function onWindowChange() {
  setLimits();
  const now = window.devicePixelRatio;
  if (now !== ratio) {
    // Zoomed, the outline keeps its size on the screen; on another screen it does not, so it is to be looked at again.
    setWidth((Number(slider.value) * ratio) / now);
    ratio = now;
    mistrust(say("zoomChanged"));
  } else {
    setWidth(Number(slider.value));
  }
  const isPinched = Math.abs((window.visualViewport?.scale ?? 1) - 1) > 1e-3;
  if (isPinched) mistrust(say("pinched"));
  matched.disabled = isPinched;
}

slider.addEventListener("input", () => {
  setWidth(Number(slider.value));
  mistrust("");
});

let grip = null; // {x, width} where the corner was taken hold of
corner.addEventListener("pointerdown", (event) => {
  grip = { x: event.clientX, width: Number(slider.value) };
  corner.setPointerCapture(event.pointerId);
  event.preventDefault();
});
corner.addEventListener("pointermove", (event) => {
  if (!grip) return;
  setWidth(grip.width + event.clientX - grip.x);
  mistrust("");
});
for (const end of ["pointerup", "pointercancel"]) corner.addEventListener(end, () => { grip = null; });

for (const [id, by] of [["narrower", -1], ["wider", 1]]) {
  element(id).addEventListener("click", () => {
    setWidth(Number(slider.value) + by);
    mistrust("");
  });
}

window.addEventListener("resize", onWindowChange);
window.visualViewport?.addEventListener("resize", onWindowChange);
setLimits();
setWidth(Number(slider.value));
markStarted();
