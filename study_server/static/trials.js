// The trial page: shows one pair after another, takes the answers, hands each to the server.

import { Stage, loadBitmap, nextFrame } from "./stage.js";
import { Refused, persist, sendJson } from "./requests.js";

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

let accept = null; // takes {answer, time} while a pair may be answered
let wasHidden = false;

const stage = new Stage(element("stage"), page, {
  margins: () => ({ top: element("top").getBoundingClientRect().height, bottom: element("bottom").getBoundingClientRect().height }),
  onChange: () => refresh(),
});

function refresh() {
  const notice = element("notice");
  notice.hidden = stage.fits;
  if (!stage.fits) {
    const { width, height } = stage.needed;
    notice.replaceChildren(
      Object.assign(document.createElement("h1"), { textContent: "Please make more room" }),
      Object.assign(document.createElement("p"), {
        textContent: stage.isPinched
          ? "Undo the pinch zoom: the pictures can only be shown exactly without it."
          : `The pictures are shown pixel by pixel and need a window of at least ${width} × ${height}; `
            + `this one has ${window.innerWidth} × ${window.innerHeight}. Maximise the window or zoom out (Ctrl and −, or ⌘ and −).`,
      }),
    );
  }
  for (const button of buttons) button.disabled = !(accept && stage.fits);
}

function stop(title, text) {
  accept = null;
  stage.clear();
  const notice = element("notice");
  notice.replaceChildren(
    Object.assign(document.createElement("h1"), { textContent: title }),
    Object.assign(document.createElement("p"), { textContent: text }),
  );
  notice.hidden = false;
}

function answered() {
  return new Promise((resolve) => {
    accept = resolve;
    refresh();
  }).finally(() => {
    accept = null;
    refresh();
  });
}

function give(answer, time) {
  if (accept && stage.fits) accept({ answer, time });
}

for (const button of buttons) button.addEventListener("click", (event) => give(button.dataset.answer, event.timeStamp));
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const answer = page.keys[event.key.toLowerCase()];
  if (answer) give(answer, event.timeStamp);
});
document.addEventListener("visibilitychange", () => { wasHidden ||= document.hidden; });
window.addEventListener("resize", refresh);

// --- one trial ----------------------------------------------------------------------------------------------------

const fetched = new Map();

function fetchPair(trial) {
  if (trial && !fetched.has(trial.id)) {
    fetched.set(trial.id, Promise.all([trial.left, trial.right].map((url) => persist(() => loadBitmap(url), trouble))));
  }
  return trial && fetched.get(trial.id);
}

async function runTrial(trial) {
  const [left, right] = await fetchPair(trial);
  if (page.fixationMs) {
    stage.fixate();
    await pause(page.fixationMs);
  }
  wasHidden = document.hidden;
  stage.show({ left, right });
  await nextFrame(); // the frame that shows the pair begins
  await nextFrame(); // and has been handed to the display
  const begin = performance.now();
  const limit = page.timeLimitMs ? setTimeout(() => stage.clear(), page.timeLimitMs) : null;
  const { answer, time } = await answered();
  clearTimeout(limit);
  const body = {
    response: answer,
    reaction_time_ms: Math.max(0, time - begin),
    device_pixel_ratio: window.devicePixelRatio,
    pixel_scale: stage.pixelScale,
    viewport_width: window.innerWidth,
    viewport_height: window.innerHeight,
    hidden: wasHidden,
  };
  if (!isPractice) stage.clear(); // in practice one sees the pair beside the feedback
  fetched.delete(trial.id);
  return body;
}

async function save(trial, body) {
  const key = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const content = isPractice ? { response: body.response } : { ...body, idempotency_key: key };
  return persist(() => sendJson("PUT", `${trialsUrl}/${trial.id}/response`, content), trouble);
}

function showProgress({ answered, total }) {
  element("progress").max = total;
  element("progress").value = answered;
  element("count").textContent = answered < total ? `${answered + 1} of ${total}` : "";
}

// --- practice -----------------------------------------------------------------------------------------------------

async function giveFeedback(outcome, isLast) {
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
  next.focus(); // so that the space bar presses it
  await new Promise((resolve) => next.addEventListener("click", resolve, { once: true }));
  next.hidden = true;
  next.blur();
  element("answers").hidden = false;
  question.className = "";
  question.textContent = questionText;
}

// --- all of them --------------------------------------------------------------------------------------------------

async function awaitStart({ answered, total }) {
  element("start-text").textContent = isPractice
    ? `${total} pairs to try it out. After each you are told whether you were right.`
    : answered
      ? `Welcome back: ${total - answered} of ${total} pairs are left.`
      : `${total} pairs, without feedback. There may or may not be a shift. Take the time you need.`;
  element("start").hidden = false;
  element("start-button").focus();
  await new Promise((resolve) => element("start-button").addEventListener("click", resolve, { once: true }));
  element("start").hidden = true;
  element("start-button").blur();
}

async function run() {
  if (!Stage.isSupported()) {
    stop("Please use another browser", "This browser cannot show pictures pixel by pixel. Current Chrome, Edge and Firefox can.");
    return;
  }
  element("stage").style.background = page.background;
  await stage.start();
  const session = await persist(() => sendJson("GET", trialsUrl), trouble);
  if (session.next) return location.replace(session.next);
  showProgress(session);
  session.trials.slice(0, AHEAD).forEach(fetchPair);
  await awaitStart(session);
  for (const [index, trial] of session.trials.entries()) {
    await pause(page.interTrialMs);
    session.trials.slice(index, index + 1 + AHEAD).forEach(fetchPair);
    const outcome = await save(trial, await runTrial(trial));
    if (isPractice) await giveFeedback(outcome, index === session.trials.length - 1);
    stage.clear();
    showProgress(outcome);
    if (outcome.next) return location.replace(outcome.next);
  }
}

run().catch((error) => {
  // 409: this trial was answered elsewhere, in another tab perhaps; the server knows what comes next.
  if (error instanceof Refused && error.status === 409) location.reload();
  else stop("The study cannot go on", `${error.message} Reload the page to try again; your answers so far are saved.`);
});
