// What is on the screen while images are judged: the pictures, the answers, the notice over them; and the clock.

import { exactness } from "./device_pixels.js";
import { Display } from "./display.js";
import { pause } from "./requests.js";
import { Stage, nextFrame } from "./stage.js";
import { say } from "./texts.js";

const LONGEST_MS = 1e9; // 11 days; the server takes nothing longer
const DOUBLE_CLICK_MS = 250; // between two presses; nobody sees and judges other images in that time
const TAKEN_BY_INPUT_METHOD = ["Process", "Unidentified", "Dead"];

const element = (id) => document.getElementById(id);
const height = (id) => element(id).getBoundingClientRect().height;

function fill(id, title, text) {
  const parts = { h1: title, p: text };
  element(id).replaceChildren(
    ...Object.entries(parts).map(([tag, textContent]) => Object.assign(document.createElement(tag), { textContent })),
  );
  element(id).hidden = false;
}

const OBSTACLES = {
  pinched: ["moreRoom", "pinched"],
  altered: ["altered", "switchOff"],
  inexact: ["zoomed", "resetZoom"],
  room: ["moreRoom", "tooSmall"],
};

const forever = () => new Promise(() => {});

export class TrialScreen {
  display = new Display();
  onSpace = null; // called when the space bar is pressed
  #page; #stage;
  #buttons = [...document.querySelectorAll("[data-answer]")];
  #accept = null; // takes {answer, time} while a trial may be answered
  #onRoomLost = null; // called when the images can no longer be shown
  #isStopped = false;
  #keysDown = new Set(); // codes; not every system says of a key's repetitions that they are some
  #answeredAt = -Infinity; // time stamp of the press that was the latest answer

  // page: {size, places, pixelScale, gap, background, fixationMs, interTrialMs, timeLimitMs, keys: {key: answer}}.
  constructor(page) {
    this.#page = page;
    this.#stage = new Stage(element("stage"), page, {
      margins: () => ({ top: height("top"), bottom: height("bottom") }),
      onChange: (obstacle) => this.#refresh(obstacle),
    });
    this.#listen();
  }

  // Resolves when images can be shown.
  async start() {
    element("stage").style.background = this.#page.background;
    await this.#stage.start();
    const bars = new ResizeObserver(() => this.#stage.draw()); // they take their room from the pictures
    for (const id of ["top", "bottom"]) bars.observe(element(id));
  }

  // images: {place: bitmap}.
  show(images) {
    if (!this.#isStopped) this.#stage.show(images);
  }

  clear() {
    this.#stage.clear();
  }

  // --- the notice over the stage ------------------------------------------------------------------------------------

  notify(title, text) {
    if (!this.#isStopped) fill("notice", title, text);
  }

  // Nothing is shown and no answer taken from now on. Resolves when the button is pressed, where there is one.
  stop(title, text, buttonText = null) {
    this.#isStopped = true;
    for (const button of this.#buttons) button.disabled = true;
    for (const id of ["start", "room"]) element(id).hidden = true;
    this.#stage.clear();
    fill("notice", title, text);
    return buttonText ? this.#askInNotice(buttonText) : forever();
  }

  // A notice with a button; resolves when that is pressed, and takes the notice away.
  async ask(title, text, buttonText) {
    this.notify(title, text);
    await this.#askInNotice(buttonText);
    element("notice").hidden = true;
  }

  async #askInNotice(buttonText) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "primary", textContent: buttonText });
    element("notice").append(button);
    button.focus();
    await new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
  }

  #refresh(obstacle = this.#stage.obstacle) {
    if (this.#isStopped) return;
    for (const button of this.#buttons) button.disabled = !this.#accept || obstacle !== null;
    if (obstacle === null) {
      element("room").hidden = true;
      return;
    }
    if (obstacle === "altered") this.display.wasAltered = true;
    this.#onRoomLost?.();
    const { width, height } = this.#stage.needed;
    const sizes = { width, height, windowWidth: window.innerWidth, windowHeight: window.innerHeight };
    const [title, text] = OBSTACLES[obstacle];
    fill("room", say(title), say(text, sizes));
  }

  // --- answers ------------------------------------------------------------------------------------------------------

  #listen() {
    for (const button of this.#buttons) {
      let pressed = null; // a key answers when it goes down, so a mouse button should too
      button.addEventListener("pointerdown", (event) => { pressed = event.timeStamp; });
      button.addEventListener("click", (event) => {
        // Without a pointer (detail is 0), a press that was dragged off the button before has nothing to do with it. A
        // pointer that went down while the button was disabled did not mean these images.
        const time = event.detail ? pressed : event.timeStamp;
        pressed = null;
        if (time !== null && (!event.detail || this.isAnotherPress(time))) this.#give(button.dataset.answer, time);
      });
    }
    document.addEventListener("keydown", (event) => {
      if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || this.#keysDown.has(event.code)) return;
      if (event.code) this.#keysDown.add(event.code);
      const isTaken = TAKEN_BY_INPUT_METHOD.includes(event.key);
      if (event.key === " " || (isTaken && event.code === "Space")) this.onSpace?.();
      // Where the layout has other letters, or an input method took the key, the key in the same place counts.
      const { keys } = this.#page;
      const place = event.code.replace(/^(Key|Digit)/, "").toLowerCase();
      const isOtherLetter = isTaken || !/^[\x00-\x7f]*$/.test(event.key);
      const answer = keys[event.key.toLowerCase()] ?? (isOtherLetter ? keys[place] : undefined);
      if (answer) this.#give(answer, event.timeStamp);
    });
    document.addEventListener("keyup", (event) => {
      this.#keysDown.delete(event.code);
      if (event.key === "Meta") this.#keysDown.clear(); // macOS is silent about keys that come up before it
    });
    window.addEventListener("blur", () => this.#keysDown.clear());
    window.addEventListener("resize", () => this.#refresh());
  }

  // Whether a pointer's press at this time is another one than that which was the latest answer.
  isAnotherPress(time) {
    return time - this.#answeredAt >= DOUBLE_CLICK_MS;
  }

  #give(answer, time) {
    if (this.#accept && this.#stage.obstacle === null && !this.#isStopped) this.#accept({ answer, time });
  }

  // The next answer given after `begin`, or null if the images can no longer be shown before.
  #answerAfter(begin) {
    return new Promise((resolve) => {
      this.#accept = (given) => {
        if (given.time < begin) return;
        this.#answeredAt = given.time;
        resolve(given);
      };
      this.#onRoomLost = () => resolve(null);
      this.#refresh();
    }).finally(() => {
      this.#accept = this.#onRoomLost = null;
      this.#refresh();
    });
  }

  // --- one trial ----------------------------------------------------------------------------------------------------

  // Shows the images until they are judged; what the server is told of it.
  async runTrial(images) {
    this.display.beginTrial();
    this.display.wasAltered = this.#stage.obstacle === "altered";
    let given = null;
    while (!(given = await this.#expose(images))) {
      this.display.wasHidden = true; // the images were out of sight; they are shown anew, and the clock with them
      this.#stage.clear();
    }
    const measured = {
      ...given,
      device_pixel_ratio: window.devicePixelRatio,
      pixel_scale: this.#stage.pixelScale,
      viewport_width: window.innerWidth,
      viewport_height: window.innerHeight,
      exactness,
      page_altered: this.display.wasAltered,
      hidden: this.display.wasHidden,
      window_changes: this.display.windowChanges,
      refresh_rate_hz: this.display.refreshRate,
    };
    this.#stage.clear();
    return measured;
  }

  // One exposure of the images until the answer; null if it had to be broken off for want of room.
  async #expose(images) {
    await this.#roomToShow();
    if (this.#page.fixationMs) {
      if (!this.#isStopped) this.#stage.fixate();
      await pause(this.#page.fixationMs);
      await this.#roomToShow();
    }
    const frame = await nextFrame();
    this.show(images);
    const drawn = this.display.frameAt(performance.now(), frame);
    // In the next frame the one with the images has been handed to the display: nothing that a page can learn is nearer
    // to the light. (Paint and element timing leave canvases out; and the clock read inside this frame is at most late
    // by the callbacks before it, where its nominal beginning may lie before the drawing was done.)
    await nextFrame();
    const begin = performance.now();
    let isOver = false;
    if (this.#page.timeLimitMs) this.#limitExposure(drawn, () => isOver);
    const given = await this.#answerAfter(begin);
    isOver = true;
    return given && { response: given.answer, reaction_time_ms: Math.min(given.time - begin, LONGEST_MS) };
  }

  async #roomToShow() {
    while (this.#stage.obstacle !== null) await nextFrame();
  }

  // Hides the images in the frame that completes their time.
  async #limitExposure(drawn, isOver) {
    while (!isOver()) {
      if ((await nextFrame()) - drawn >= this.#page.timeLimitMs - 1) {
        if (!isOver()) this.#stage.clear();
        return;
      }
    }
  }
}
