// The example in the instructions: the images of a trial, and where the task has two of them compared, a button that
// shows those two in turn at one place.

import { isBrowserSupported } from "./gates.js";
import { decode, loadImage } from "./requests.js";
import { Stage } from "./stage.js";
import { markStarted } from "./started.js";
import { say } from "./texts.js";

const figure = document.querySelector(".example");
const canvas = figure.querySelector("canvas");
const button = document.getElementById("flip"); // null where nothing is shown in turn
const page = { ...JSON.parse(figure.dataset.page), background: "#ffffff" };
const urls = JSON.parse(figure.dataset.images); // {place: address}
const FLIP_MS = 450;

// Without a picture on it yet it would be a black box.
canvas.style.visibility = "hidden";
const stage = new Stage(canvas, page);

// As large as the images need: wider than the text, where it must be.
function fit() {
  const { width, height } = stage.needed;
  const beyond = Math.max(0, width + 2 - figure.clientWidth);
  canvas.style.width = `${figure.clientWidth + beyond}px`;
  canvas.style.marginLeft = `${-beyond / 2}px`;
  canvas.style.height = `${height + 2}px`;
  // Text above it ends anywhere: the canvas begins on a device pixel all the same.
  canvas.style.left = canvas.style.top = "0";
  const { left, top } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio;
  canvas.style.left = `${Math.round(left * ratio) / ratio - left}px`;
  canvas.style.top = `${Math.round(top * ratio) / ratio - top}px`;
}

const loaded = Object.entries(urls).map(async ([place, url]) => [place, await decode(await loadImage(url))]);
const images = Object.fromEntries(await Promise.all(loaded));
fit();
window.addEventListener("resize", fit);
if (isBrowserSupported()) await stage.start();
const showAll = () => stage.show(images);
showAll();
canvas.style.visibility = "visible";

// Of the images at these two places, one at both, then the other.
function flipBetween(one, other) {
  let flipping = null;
  return () => {
    if (flipping) {
      clearInterval(flipping);
      flipping = null;
      showAll();
      button.textContent = say("inTurn");
      return;
    }
    let isOther = false;
    flipping = setInterval(() => {
      isOther = !isOther;
      const image = images[isOther ? other : one];
      stage.show({ ...images, [one]: image, [other]: image });
    }, FLIP_MS);
    button.textContent = say("sideBySide");
  };
}

// Who wants less motion moves it themselves: each press is one step.
function stepBetween(one, other) {
  const steps = [
    [showAll, "oneAlone"],
    [() => stage.show({ [one]: images[one] }), "otherAlone"],
    [() => stage.show({ [one]: images[other] }), "sideBySide"],
  ];
  let step = 0;
  button.textContent = say("oneAlone");
  return () => {
    step = (step + 1) % steps.length;
    const [show, next] = steps[step];
    show();
    button.textContent = say(next);
  };
}

if (button) {
  const places = JSON.parse(button.dataset.places);
  const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  button.addEventListener("click", (isCalm ? stepBetween : flipBetween)(...places));
}
markStarted();
