// Who could not be shown the pictures should hear it, and why, before agreeing to anything.

import { areDevicePixelsKnown } from "./device_pixels.js";
import { isBrowserSupported, isScreenTooSmall, isTouchOnly, isWindowTooSmall } from "./gates.js";
import { markStarted } from "./started.js";
import { say } from "./texts.js";

const element = (id) => document.getElementById(id);
const { gates, needs, screenOut } = JSON.parse(element("gates").dataset.gates);

const reasons = () => [
  gates.touch && isTouchOnly() && "touch",
  gates.window && isScreenTooSmall(needs) && "screen",
  gates.browser && !isBrowserSupported() && "browser",
  gates.browser && isBrowserSupported() && !areDevicePixelsKnown() && "zoom",
].filter(Boolean);

function screenOutLink() {
  const link = document.createElement("a");
  link.href = screenOut;
  link.textContent = say("screenOut");
  return link;
}

function paragraph(...content) {
  const made = document.createElement("p");
  made.append(...content);
  return made;
}

let shown = "";

function check() {
  const found = reasons();
  const isHinted = !found.length && gates.window && isWindowTooSmall(needs);
  element("hint").hidden = !isHinted;
  if (found.join() === shown) return; // what has been read out need not be read out again
  shown = found.join();
  element("agree").disabled = found.length > 0;
  element("agree-form").hidden = found.length > 0;
  element("gates").hidden = !found.length;
  const mend = found.every((reason) => ["browser", "zoom"].includes(reason)) ? "otherBrowser" : "otherDevice";
  const isMendable = found.join() === "zoom"; // by two keys, and then the page goes on by itself
  element("gates-title").textContent = say(isMendable ? "notYet" : "cannot");
  element("gates-reasons").replaceChildren(
    ...found.map((reason) => paragraph(say(reason))),
    ...(found.length && !isMendable ? [paragraph(say(mend))] : []),
    ...(found.length && screenOut ? [paragraph(screenOutLink())] : []),
  );
}

check();
markStarted();
window.addEventListener("resize", check);
for (const query of ["(any-pointer: fine)", "(any-hover: hover)"]) window.matchMedia(query).addEventListener("change", check);
