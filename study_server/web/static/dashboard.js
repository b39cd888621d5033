// A page of the dashboard keeps itself up to date: parts are replaced, charts are drawn anew.

import { draw } from "./dashboard_charts.js";
import { makeSortable } from "./dashboard_tables.js";

const SOONEST_MS = 3000;
const SHARE = 0.1; // of the time, at most, the server works for this page
const TIMEOUT_MS = 60000;

const { live, texts: textsJson, charts } = document.body.dataset;
const texts = JSON.parse(textsJson);
const updated = document.getElementById("updated");
const trouble = document.getElementById("trouble");
let version = document.body.dataset.version;
let timer = 0;
let running = false;
let over = false;

const clock = () => `${new Date().toISOString().slice(11, 19)} UTC`;

function say(wrong) {
  if (wrong === null) updated.textContent = `${texts.asOf} ${clock()}`;
  if (trouble.textContent !== (wrong ?? "")) trouble.textContent = wrong ?? "";
}

// The parts of the page by name. Who stands on a link in one of them stays there.
function show(parts) {
  for (const [name, html] of Object.entries(parts)) {
    const part = document.querySelector(`[data-part="${name}"]`);
    if (!part || part.dataset.shown === html) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.innerHTML = html; // the server's own template, escaped there
    part.dataset.shown = html;
    makeSortable();
    if (focused) document.getElementById(focused)?.focus();
  }
}

function drawAll(data) {
  for (const [name, figures] of Object.entries(data)) {
    const place = document.querySelector(`[data-chart="${name}"]`);
    if (place) draw(place, figures, texts);
  }
}

async function update() {
  clearTimeout(timer);
  if (running || over) return;
  running = true;
  const begin = performance.now();
  try {
    const answer = await fetch(live, {
      cache: "no-store",
      headers: { "If-None-Match": `"${version}"`, Accept: "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.status === 401) {
      over = true;
      say(texts.loggedOut);
      return;
    }
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(answer.statusText);
      const found = await answer.json();
      version = answer.headers.get("ETag").replaceAll('"', "");
      show(found.parts);
      drawAll(found.charts);
    }
    say(null);
  } catch {
    say(`${texts.failed} ${clock()}`);
  } finally {
    running = false;
    if (!document.hidden && !over) timer = setTimeout(update, Math.max(SOONEST_MS, (performance.now() - begin) / SHARE));
  }
}

function offerCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue; // only where the page is secure
    button.hidden = false;
    const label = button.textContent;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.value);
      button.textContent = texts.copied;
      setTimeout(() => (button.textContent = label), 2000);
    });
  }
}

drawAll(JSON.parse(charts));
offerCopying();
makeSortable();
updated.textContent = `${texts.asOf} ${clock()}`;
timer = setTimeout(update, SOONEST_MS);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : update()));
