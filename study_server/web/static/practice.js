// The practice: a few pairs, and after each whether the answer was right. Nothing of it is stored.

import { Pairs } from "./pairs.js";
import { pause, persist, sendJson } from "./requests.js";
import { say } from "./texts.js";

const element = (id) => document.getElementById(id);

export async function practise(screen, page, trialsUrl, { awaitStart, showProgress }) {
  const session = await persist(() => sendJson("GET", trialsUrl));
  const pairs = new Pairs(session.trials);
  showProgress(session);
  await awaitStart(say("practiceStart", session));
  let interval = pause(page.interTrialMs);
  for (const [index, trial] of session.trials.entries()) {
    await interval;
    const pair = await pairs.at(index);
    const { response } = await screen.runTrial(pair);
    interval = pause(page.interTrialMs);
    const outcome = await persist(() => sendJson("PUT", `${trialsUrl}/${trial.id}/response`, { response }));
    await giveFeedback(screen, pair, outcome, index === session.trials.length - 1);
    showProgress(outcome);
  }
}

// With the pair in sight, also where its time had run out.
async function giveFeedback(screen, pair, outcome, isLast) {
  const question = element("question");
  const questionText = question.textContent;
  screen.show(pair);
  question.className = outcome.correct ? "right" : "wrong";
  question.textContent = say(`${outcome.correct ? "right" : "wrong"}-${outcome.truth}`);
  element("answers").hidden = true;
  if (isLast) {
    element("leave").hidden = false;
    element("leave").querySelector("button").focus();
    await new Promise(() => {}); // the form leaves the page
  }
  const next = element("next");
  next.hidden = false;
  next.focus(); // for the enter key
  await new Promise((resolve) => {
    next.addEventListener("click", resolve, { once: true });
    screen.onSpace = resolve;
  });
  screen.onSpace = null;
  next.hidden = true;
  element("answers").hidden = false;
  question.className = "";
  question.textContent = questionText;
  screen.clear();
}
