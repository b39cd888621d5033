// The example in the instructions: a pair with a shift, and a button that shows both images in turn at one place.

import { Stage } from "./stage.js";
import { loadBitmap } from "./requests.js";

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

const [original, moved] = await Promise.all([figure.dataset.original, figure.dataset.moved].map(loadBitmap));
fit();
window.addEventListener("resize", fit);
if (Stage.isSupported()) await stage.start();
const showBoth = () => stage.show({ left: original, right: moved });
showBoth();

let flipping = null;
button.addEventListener("click", () => {
  if (flipping) {
    clearInterval(flipping);
    flipping = null;
    showBoth();
    button.textContent = "Show them in turn";
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
