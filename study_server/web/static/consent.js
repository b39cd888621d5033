// Who could not be shown the pictures should hear it, and why, before agreeing to anything.

import { isBrowserSupported, isScreenTooSmall, isTouchOnly, isWindowTooSmall } from "./gates.js";
import { say } from "./texts.js";

const element = (id) => document.getElementById(id);
const { gates, needs, screenOut } = JSON.parse(element("gates").dataset.gates);

const reasons = () => [
  gates.touch && isTouchOnly() && "touch",
  gates.window && isScreenTooSmall(needs) && "screen",
  gates.browser && !isBrowserSupported() && "browser",
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
  const mend = found.every((reason) => reason === "browser") ? "otherBrowser" : "otherDevice";
  element("gates-reasons").replaceChildren(
    ...found.map((reason) => paragraph(say(reason))),
    ...(found.length ? [paragraph(say(mend))] : []),
    ...(found.length && screenOut ? [paragraph(screenOutLink())] : []),
  );
}

check();
window.addEventListener("resize", check);
for (const query of ["(any-pointer: fine)", "(any-hover: hover)"]) window.matchMedia(query).addEventListener("change", check);
