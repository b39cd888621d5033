// Says so where what the page needs did not arrive or did not start: else it would stand there for ever, with buttons
// that do nothing. No module, for it must be there when they are not; it is small, and comes before them.

(() => {
  const PATIENCE_MS = 20_000; // for what hangs and gives no error
  const { title, text, reload } = document.currentScript.dataset;

  const make = (tag, content) => Object.assign(document.createElement(tag), content);

  function tell() {
    if ("started" in document.documentElement.dataset || document.getElementById("not-started")) return;
    if (!document.body) {
      document.addEventListener("DOMContentLoaded", tell, { once: true });
      return;
    }
    const notice = make("section", { id: "not-started", className: "notice" });
    notice.setAttribute("role", "alert");
    const button = make("button", { type: "button", className: "primary", textContent: reload });
    button.addEventListener("click", () => window.location.reload());
    notice.append(make("h1", { textContent: title }), make("p", { textContent: text }), button);
    (document.querySelector("main") ?? document.body).append(notice);
  }

  // Scripts and styles tell only those who listen on the way down that they did not come.
  window.addEventListener("error", ({ target }) => {
    if (target === window || ["SCRIPT", "LINK"].includes(target.tagName)) tell();
  }, true);
  window.addEventListener("unhandledrejection", tell);
  setTimeout(tell, PATIENCE_MS);
})();
