// The practice: a few trials, and after each that has a right answer whether this was it. Nothing of it is stored.

import { pause, persist, sendJson } from "./requests.js";
import { say } from "./texts.js";
import { TrialImages } from "./trial_images.js";

const element = (id) => document.getElementById(id);

export async function practise(screen, page, trialsUrl, { awaitStart, showProgress, haste }) {
  const session = await persist(() => sendJson("GET", trialsUrl));
  const images = new TrialImages(session.trials);
  showProgress(session);
  await awaitStart(`${say("practiceStart", session)} ${haste}`.trim());
  let interval = pause(page.interTrialMs);
  for (const [index, trial] of session.trials.entries()) {
    await interval;
    const shown = await images.at(index);
    const { response } = await screen.runTrial(shown.images);
    interval = pause(page.interTrialMs);
    const outcome = await persist(() => sendJson("PUT", `${trialsUrl}/${trial.id}/response`, { response }));
    const isLast = index === session.trials.length - 1;
    if (outcome.correct !== null) await giveFeedback(screen, shown.images, outcome, isLast);
    else if (isLast) await offerTrials();
    showProgress(outcome);
  }
}

// With the images in sight, also where their time had run out.
async function giveFeedback(screen, images, { correct, truth }, isLast) {
  const question = element("question");
  const questionText = question.textContent;
  const feedback = document.querySelector(`[data-answer="${truth}"]`).dataset;
  screen.show(images);
  question.className = correct ? "right" : "wrong";
  question.textContent = correct ? feedback.right : feedback.wrong;
  if (isLast) await offerTrials();
  element("answers").hidden = true;
  const next = element("next");
  next.hidden = false;
  next.focus(); // for the enter key
  await new Promise((resolve) => {
    // The second half of a double click on an answer would take the feedback away unread.
    next.onclick = ({ detail, timeStamp }) => { if (detail < 2 || screen.isAnotherPress(timeStamp)) resolve(); };
    screen.onSpace = resolve;
  });
  screen.onSpace = null;
  next.hidden = true;
  element("answers").hidden = false;
  question.className = "";
  question.textContent = questionText;
  screen.clear();
}

// Never resolves: the form leaves the page.
function offerTrials() {
  element("answers").hidden = true;
  element("leave").hidden = false;
  element("leave").querySelector("button").focus();
  return new Promise(() => {});
}
