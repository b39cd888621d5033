// The trial page: shows one trial after another, takes the answers, hands each to the outbox.

import { isBrowserSupported } from "./gates.js";
import { hold, takeOver } from "./one_tab.js";
import { Outbox } from "./outbox.js";
import { practise } from "./practice.js";
import { Refused, pause, persist, sendJson, watchTrouble } from "./requests.js";
import { markStarted } from "./started.js";
import { say } from "./texts.js";
import { TrialImages } from "./trial_images.js";
import { TrialScreen } from "./trial_screen.js";

const MEASURING_MS = 2000; // longest wait for the refresh rate, which takes a third of a second
const QUIET_MS = 700; // for so long the last answers may be on their way without a word
const ASK_AGAIN_MS = 2000;

const page = JSON.parse(document.body.dataset.page);
const isPractice = JSON.parse(document.body.dataset.practice);
const { trials: trialsUrl, visits: visitsUrl } = document.body.dataset;

const element = (id) => document.getElementById(id);
const screen = new TrialScreen(page);

// --- what the page says -------------------------------------------------------------------------------------------

function showProgress({ answered, total }) {
  element("progress").max = total;
  element("progress").value = answered;
  element("count").textContent = answered < total ? say("count", { number: answered + 1, total }) : "";
}

async function awaitStart(text) {
  element("start-text").textContent = text;
  element("start").hidden = false;
  element("start-button").focus();
  await new Promise((resolve) => element("start-button").addEventListener("click", resolve, { once: true }));
  element("start").hidden = true;
  element("start-button").blur();
}

// That a trial is shown for a limited time, where it is.
const haste = page.timeLimitMs ? say("haste", { seconds: page.timeLimitMs / 1000 }) : "";

function startText({ answered, total }) {
  if (answered) return say("welcomeBack", { left: total - answered, total });
  return `${say("trialsStart", { total })} ${haste || say("takeTime")}`;
}

const sentence = ({ message }) => (/[.!?]$/.test(message) ? message : `${message}.`);

const connection = { waiting: 0, inTrouble: false };

// A quiet line below the pictures; nothing while all is well.
function showConnection(change) {
  const { waiting, inTrouble } = Object.assign(connection, change);
  let text = "";
  if (inTrouble) text = waiting ? say("interruptedKept", { waiting }) : say("interrupted");
  else if (waiting > 1) text = say("catchingUp", { waiting });
  element("saving").textContent = text;
}

watchTrouble((inTrouble) => showConnection({ inTrouble }));

// --- one tab, one visit -------------------------------------------------------------------------------------------

let outbox = null;
let isOver = false; // this page has nothing more to do: it was stopped, or is being left

async function stopHere(title, text) {
  isOver = true;
  await screen.stop(title, text, say("goOnHere"));
  location.reload();
}

function onLost() {
  outbox?.stop();
  stopHere(say("elsewhereTitle"), say("takenOver"));
}

// The session of this participant, once no other tab goes on with it.
async function takePart() {
  const session = await persist(() => sendJson("GET", trialsUrl));
  if (session.next) return session;
  const name = `shift-study ${session.outbox}`;
  if (await hold(name, onLost)) return session;
  await screen.ask(say("elsewhereTitle"), say("openElsewhere"), say("goOnHere"));
  await takeOver(name, onLost);
  return persist(() => sendJson("GET", trialsUrl)); // the other tab may have gone on meanwhile
}

// Tells the server of this load of the page and of the screen; its number.
async function beginVisit() {
  const refreshRate = await screen.display.measureRefreshRate(MEASURING_MS);
  const { visit } = await persist(() => sendJson("POST", visitsUrl, {
    refresh_rate_hz: refreshRate,
    screen_width: Math.max(1, Math.round(window.screen.width)),
    screen_height: Math.max(1, Math.round(window.screen.height)),
    device_pixel_ratio: window.devicePixelRatio,
    color_depth: window.screen.colorDepth,
    touch_points: navigator.maxTouchPoints,
    language: navigator.language.replace(/[^A-Za-z0-9-]/g, "").slice(0, 35),
  }));
  return visit;
}

// --- the trials ---------------------------------------------------------------------------------------------------

function leaveFor(url) {
  isOver = true;
  location.replace(url);
  return new Promise(() => {});
}

async function runTrials() {
  const session = await takePart();
  if (session.next) await leaveFor(session.next);
  let visit = null;
  outbox = await Outbox.open(session.outbox, trialsUrl, {
    onChange: (waiting) => showConnection({ waiting }),
    onStored: (answer, reply) => {
      if (reply.next) leaveFor(reply.next);
      // Answers of an earlier visit are bound to be overtaken by this one.
      else if (reply.superseded && answer.body.visit === visit) stopHere(say("elsewhereTitle"), say("superseded"));
    },
    onRefused: (error) => stopHere(say("cannotGoOn"), say("answerRefused", { message: sentence(error) })),
  });
  const trials = session.trials.filter((trial) => !outbox.has(trial.id)); // what waits here is as good as answered
  const images = new TrialImages(trials);
  const progress = { answered: session.total - trials.length, total: session.total };
  showProgress(progress);
  if (trials.length) {
    [visit] = await Promise.all([beginVisit(), awaitStart(startText(progress))]);
  }
  let interval = pause(page.interTrialMs);
  for (const [index, trial] of trials.entries()) {
    await interval;
    const shown = await images.at(index);
    const measured = await screen.runTrial(shown.images);
    interval = pause(page.interTrialMs); // the empty screen begins with the answer
    await outbox.add(trial.id, { ...measured, visit, sent: shown.receipts });
    progress.answered += 1;
    showProgress(progress);
  }
  const isStored = outbox.emptied().then(() => true);
  if (!(await Promise.race([isStored, pause(QUIET_MS)]))) screen.notify(say("almostDone"), say("keepOpen"));
  await isStored;
  for (; !isOver; await pause(ASK_AGAIN_MS)) {
    const now = await persist(() => sendJson("GET", trialsUrl));
    if (now.next) leaveFor(now.next);
    else if (now.trials.length && !isOver) location.reload(); // there is more to do than this page knew
  }
}

// The browser warns where leaving would lose an answer.
window.addEventListener("beforeunload", (event) => { if (outbox?.wouldLose) event.preventDefault(); });
// A page that comes back out of the browser's cache knows nothing of what has happened since.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

async function run() {
  if (!isBrowserSupported()) {
    markStarted();
    return screen.stop(say("otherBrowserTitle"), say("otherBrowser"));
  }
  await screen.start();
  markStarted();
  return isPractice ? practise(screen, page, trialsUrl, { awaitStart, showProgress, haste }) : runTrials();
}

run().catch(async (error) => {
  markStarted(); // far enough to say what is wrong
  if (error instanceof Refused && error.status === 409) {
    // Something has happened elsewhere; the server knows what comes next.
    const session = await sendJson("GET", trialsUrl).catch(() => ({}));
    if (session.next) await leaveFor(session.next);
  }
  stopHere(say("cannotGoOn"), say("reload", { message: sentence(error) }));
});
