// Whether something changes how an element of the page looks: an extension that darkens pages, warms their colours or
// magnifies them does so by styles of the element or of what is around it, or by a layer over the page.

const HARMLESS = {
  filter: ["none"],
  opacity: ["1"],
  mixBlendMode: ["normal"],
  transform: ["none"],
  translate: ["none", "0px"],
  rotate: ["none", "0deg"],
  scale: ["none", "1"],
  zoom: ["1", "normal"],
  clipPath: ["none"],
  maskImage: ["none"],
};
const OWN = ["HEAD", "BODY", "HEADER", "MAIN", "FOOTER"]; // what the study's pages consist of
const TRANSPARENT = ["transparent", "rgba(0, 0, 0, 0)"];

// Browsers do not know all of these properties; one that they do not know changes nothing.
const changedProperty = (style) => Object.keys(HARMLESS).find(
  (name) => style[name] !== undefined && style[name] !== "" && !HARMLESS[name].includes(style[name]),
);

function isPainted(style) {
  return style.display !== "none" && style.visibility === "visible" && style.opacity !== "0"
    && (!TRANSPARENT.includes(style.backgroundColor) || style.backgroundImage !== "none"
      || (style.backdropFilter ?? "none") !== "none" || style.mixBlendMode !== "normal");
}

function overlaps(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

// Extensions put their layers beside the page's own content. One that covers nothing of the element is none.
function isCovered(element) {
  const box = element.getBoundingClientRect();
  const others = [...document.documentElement.children, ...document.body.children].filter(
    (other) => !OWN.includes(other.tagName) && !other.contains(element),
  );
  return others.some((other) => overlaps(other.getBoundingClientRect(), box) && isPainted(getComputedStyle(other)));
}

// Layers without an element of their own.
const hasLayer = (element) => ["::before", "::after"].some((layer) => {
  const style = getComputedStyle(element, layer);
  return !["none", "normal"].includes(style.content) && ["fixed", "absolute"].includes(style.position) && isPainted(style);
});

// The name of the first thing found that changes how the element looks, null where there is none.
export function pageEffect(element) {
  for (let each = element; each; each = each.parentElement) {
    const changed = changedProperty(getComputedStyle(each));
    if (changed) return changed;
    if (each !== element && hasLayer(each)) return "layer";
  }
  return isCovered(element) ? "layer" : null;
}
