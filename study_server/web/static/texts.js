// The sentences of a page, in the participant's language: the page brings them along as JSON, with {names} to fill in.

const holder = document.querySelector("[data-texts]");
const texts = holder ? JSON.parse(holder.dataset.texts) : {};

export function say(name, values = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}
