// The trial page: shows one pair after another, takes the answers, hands each to the server.

import { Stage, nextFrame } from "./stage.js";
import { Refused, loadBitmap, persist, sendJson } from "./requests.js";

const AHEAD = 3; // pairs fetched and decoded before they are needed

const page = JSON.parse(document.body.dataset.page);
const isPractice = JSON.parse(document.body.dataset.practice);
const trialsUrl = document.body.dataset.trials;

const element = (id) => document.getElementById(id);
const buttons = [...document.querySelectorAll("[data-answer]")];
const question = element("question");
const questionText = question.textContent;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const trouble = (yes) => { element("saving").textContent = yes ? "The connection is interrupted. Your answers are kept; trying again…" : ""; };

const stage = new Stage(element("stage"), page, {
  margins: () => ({ top: element("top").getBoundingClientRect().height, bottom: element("bottom").getBoundingClientRect().height }),
  onChange: (fits) => refresh(fits),
});

// --- the notice over the stage ------------------------------------------------------------------------------------

let isStopped = false;

function notify(title, text) {
  const parts = { h1: title, p: text };
  element("notice").replaceChildren(
    ...Object.entries(parts).map(([tag, textContent]) => Object.assign(document.createElement(tag), { textContent })),
  );
  element("notice").hidden = false;
}

function refresh(fits = stage.fits) {
  if (isStopped) return;
  for (const button of buttons) button.disabled = !(accept && fits);
  if (fits) {
    element("notice").hidden = true;
    return;
  }
  onRoomLost?.();
  const { width, height } = stage.needed;
  notify(
    "Please make more room",
    stage.isPinched
      ? "Undo the pinch zoom: the pictures can only be shown exactly without it."
      : `The pictures are shown pixel by pixel and need a window of at least ${width} × ${height}; `
        + `this one has ${window.innerWidth} × ${window.innerHeight}. Maximise the window or zoom out (Ctrl and −, or ⌘ and −).`,
  );
}

function stop(title, text) {
  accept = null;
  stage.clear();
  refresh();
  isStopped = true;
  notify(title, text);
}

// --- answers ------------------------------------------------------------------------------------------------------

let accept = null; // takes {answer, time} while a pair may be answered
let onRoomLost = null; // called when the window becomes too small
let onSpace = null; // called when the space bar is pressed
let wasHidden = false;

function give(answer, time) {
  if (accept && stage.fits) accept({ answer, time });
}

for (const button of buttons) {
  let pressed = null; // a key answers when it goes down, so a mouse button should too
  button.addEventListener("pointerdown", (event) => { pressed = event.timeStamp; });
  button.addEventListener("click", (event) => {
    give(button.dataset.answer, pressed ?? event.timeStamp);
    pressed = null;
  });
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === " ") onSpace?.();
  // Where the layout has other letters, the key in the same place counts.
  const place = event.code.replace(/^(Key|Digit)/, "").toLowerCase();
  const answer = page.keys[event.key.toLowerCase()] ?? (/^[\x00-\x7f]*$/.test(event.key) ? undefined : page.keys[place]);
  if (answer) give(answer, event.timeStamp);
});

document.addEventListener("visibilitychange", () => { wasHidden ||= document.hidden; });
window.addEventListener("resize", () => refresh());

// The next answer given after `begin`, or null if the window becomes too small before.
function answerAfter(begin) {
  return new Promise((resolve) => {
    accept = (given) => { if (given.time >= begin) resolve(given); };
    onRoomLost = () => resolve(null);
    refresh();
  }).finally(() => {
    accept = onRoomLost = null;
    refresh();
  });
}

// --- one trial ----------------------------------------------------------------------------------------------------

const fetched = new Map();

function fetchPair(trial) {
  if (!fetched.has(trial.id)) {
    const pair = Promise.all([trial.left, trial.right].map((url) => persist(() => loadBitmap(url), trouble)))
      .then(([left, right]) => ({ left, right }));
    pair.catch(() => {}); // whoever needs the pair hears of it; until then it is no unhandled rejection
    fetched.set(trial.id, pair);
  }
  return fetched.get(trial.id);
}

async function roomToShow() {
  while (!stage.fits) await nextFrame();
}

// Hides the pair in the frame that completes its time.
async function limitExposure(drawn, isOver) {
  while (!isOver()) {
    if ((await nextFrame()) - drawn >= page.timeLimitMs - 1) {
      if (!isOver()) stage.clear();
      return;
    }
  }
}

// One exposure of the pair until the answer; null if it had to be broken off for want of room.
async function expose(pair) {
  await roomToShow();
  if (page.fixationMs) {
    stage.fixate();
    await pause(page.fixationMs);
    await roomToShow();
  }
  const drawn = await nextFrame();
  stage.show(pair);
  await nextFrame(); // the frame with the pair has been handed to the display
  const begin = performance.now();
  let isOver = false;
  if (page.timeLimitMs) limitExposure(drawn, () => isOver);
  const given = await answerAfter(begin);
  isOver = true;
  return given && { response: given.answer, reaction_time_ms: given.time - begin };
}

async function runTrial(pair) {
  wasHidden = document.hidden;
  let given = null;
  while (!(given = await expose(pair))) {
    wasHidden = true; // the pair was out of sight; it is shown anew, and the clock with it
    stage.clear();
  }
  const body = {
    ...given,
    device_pixel_ratio: window.devicePixelRatio,
    pixel_scale: stage.pixelScale,
    viewport_width: window.innerWidth,
    viewport_height: window.innerHeight,
    hidden: wasHidden,
  };
  stage.clear();
  return body;
}

async function save(trial, body) {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const key = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const content = isPractice ? { response: body.response } : { ...body, idempotency_key: key };
  return persist(() => sendJson("PUT", `${trialsUrl}/${trial.id}/response`, content), trouble);
}

function showProgress({ answered, total }) {
  element("progress").max = total;
  element("progress").value = answered;
  element("count").textContent = answered < total ? `${answered + 1} of ${total}` : "";
}

// --- practice -----------------------------------------------------------------------------------------------------

// With the pair in sight, also where its time had run out.
async function giveFeedback(pair, outcome, isLast) {
  stage.show(pair);
  question.className = outcome.correct ? "right" : "wrong";
  const truth = outcome.truth === "same" ? "the two were the same" : "one of the two was shifted";
  question.textContent = outcome.correct ? `Right: ${truth}.` : `Not quite: ${truth}.`;
  element("answers").hidden = true;
  if (isLast) {
    element("leave").hidden = false;
    element("leave").querySelector("button").focus();
    return new Promise(() => {}); // the form leaves the page
  }
  const next = element("next");
  next.hidden = false;
  next.focus(); // for the enter key
  await new Promise((resolve) => {
    next.addEventListener("click", resolve, { once: true });
    onSpace = resolve;
  });
  onSpace = null;
  next.hidden = true;
  element("answers").hidden = false;
  question.className = "";
  question.textContent = questionText;
  stage.clear();
}

// --- all of them --------------------------------------------------------------------------------------------------

async function awaitStart({ answered, total }) {
  const haste = page.timeLimitMs
    ? `Each pair is shown for ${page.timeLimitMs / 1000} s only; for the answer you can take the time you need.`
    : "Take the time you need.";
  element("start-text").textContent = isPractice
    ? `${total} pairs to try it out. After each you are told whether you were right.`
    : answered
      ? `Welcome back: ${total - answered} of ${total} pairs are left.`
      : `${total} pairs, without feedback. There may or may not be a shift. ${haste}`;
  element("start").hidden = false;
  element("start-button").focus();
  await new Promise((resolve) => element("start-button").addEventListener("click", resolve, { once: true }));
  element("start").hidden = true;
  element("start-button").blur();
}

async function run() {
  if (!Stage.isSupported()) {
    stop("Please use another browser", Stage.unsupported);
    return;
  }
  element("stage").style.background = page.background;
  await stage.start();
  const bars = new ResizeObserver(() => stage.draw()); // they take their room from the pictures
  for (const id of ["top", "bottom"]) bars.observe(element(id));
  const session = await persist(() => sendJson("GET", trialsUrl), trouble);
  if (session.next) {
    location.replace(session.next);
    return;
  }
  showProgress(session);
  session.trials.slice(0, AHEAD).forEach(fetchPair);
  await awaitStart(session);
  let interval = pause(page.interTrialMs);
  for (const [index, trial] of session.trials.entries()) {
    session.trials.slice(index, index + 1 + AHEAD).forEach(fetchPair);
    await interval;
    const pair = await fetchPair(trial);
    const body = await runTrial(pair);
    interval = pause(page.interTrialMs); // the empty screen begins with the answer
    const outcome = await save(trial, body);
    if (isPractice) await giveFeedback(pair, outcome, index === session.trials.length - 1);
    fetched.delete(trial.id);
    for (const bitmap of Object.values(pair)) bitmap.close();
    showProgress(outcome);
    if (outcome.next) location.replace(outcome.next);
  }
}

run().catch((error) => {
  // 409: this trial was answered elsewhere, in another tab perhaps; the server knows what comes next.
  if (error instanceof Refused && error.status === 409) location.reload();
  else stop("The study cannot go on", `${error.message} Reload the page to try again. Your answers so far are saved.`);
});
