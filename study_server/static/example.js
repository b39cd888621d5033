// The example in the instructions: a pair with a shift, and a button that lays one image over the other.

import { Stage, loadBitmap } from "./stage.js";

const figure = document.querySelector(".example");
const canvas = figure.querySelector("canvas");
const button = document.getElementById("flip");
const page = { ...JSON.parse(figure.dataset.page), background: "#ffffff" };
const FLIP_MS = 450;

const stage = new Stage(canvas, page);

function fitHeight() {
  canvas.style.height = `${stage.needed.height + 2}px`;
}

const [original, moved] = await Promise.all([figure.dataset.original, figure.dataset.moved].map(loadBitmap));
fitHeight();
window.addEventListener("resize", fitHeight);
if (Stage.isSupported()) await stage.start();
stage.show({ left: original, right: moved });

let flipping = null;
button.addEventListener("click", () => {
  if (flipping) {
    clearInterval(flipping);
    flipping = null;
    stage.show({ left: original, right: moved });
    button.textContent = "Lay one over the other";
    return;
  }
  let isMoved = false;
  flipping = setInterval(() => {
    isMoved = !isMoved;
    const image = isMoved ? moved : original;
    stage.show({ left: image, right: image });
  }, FLIP_MS);
  button.textContent = "Show them side by side";
});
