// The page's modules are here and have started, which start_check.js waits for.

export function markStarted() {
  document.documentElement.dataset.started = "";
  document.getElementById("not-started")?.remove();
}
