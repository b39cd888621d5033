// The example in the instructions: a pair with a shift, and a button that shows both images in turn at one place.

import { isBrowserSupported } from "./gates.js";
import { decode, loadImage } from "./requests.js";
import { Stage } from "./stage.js";
import { say } from "./texts.js";

const figure = document.querySelector(".example");
const canvas = figure.querySelector("canvas");
const button = document.getElementById("flip");
const page = { ...JSON.parse(figure.dataset.page), background: "#ffffff" };
const FLIP_MS = 450;

const stage = new Stage(canvas, page);

// As large as the pair needs: wider than the text, where it must be.
function fit() {
  const { width, height } = stage.needed;
  const beyond = Math.max(0, width + 2 - figure.clientWidth);
  canvas.style.width = `${figure.clientWidth + beyond}px`;
  canvas.style.marginLeft = `${-beyond / 2}px`;
  canvas.style.height = `${height + 2}px`;
}

const urls = [figure.dataset.original, figure.dataset.moved];
const [original, moved] = await Promise.all(urls.map(async (url) => decode(await loadImage(url))));
fit();
window.addEventListener("resize", fit);
if (isBrowserSupported()) await stage.start();
const showBoth = () => stage.show({ left: original, right: moved });
showBoth();

let flipping = null;

function flip() {
  if (flipping) {
    clearInterval(flipping);
    flipping = null;
    showBoth();
    button.textContent = say("inTurn");
    return;
  }
  let isMoved = false;
  flipping = setInterval(() => {
    isMoved = !isMoved;
    const image = isMoved ? moved : original;
    stage.show({ left: image, right: image });
  }, FLIP_MS);
  button.textContent = say("sideBySide");
}

// Who wants less motion moves it themselves: each press is one step.
const steps = [
  [showBoth, "originalAlone"],
  [() => stage.show({ left: original }), "movedAlone"],
  [() => stage.show({ left: moved }), "sideBySide"],
];
let step = 0;

function goOneStep() {
  step = (step + 1) % steps.length;
  const [show, next] = steps[step];
  show();
  button.textContent = say(next);
}

const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
if (isCalm) button.textContent = say("originalAlone");
button.addEventListener("click", isCalm ? goOneStep : flip);
