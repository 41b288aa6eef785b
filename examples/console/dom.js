// The few things this page needs from the document. Text only ever goes in as text.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** Makes an element: `make("li", { className: "x" }, "text", child)`. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Text for those who listen instead of looking. */
export const unseen = (text) => make("span", { className: "hidden" }, text);

const SVG = "http://www.w3.org/2000/svg";

/** One of the drawings at the end of index.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A round with initials, in a colour of the name's own. */
export function paintAvatar(element, name) {
  const words = name.replace(/@.*/, "").split(/[^\p{L}]+/u).filter(Boolean);
  const initials = words.slice(0, 2).map((word) => [...word][0]).join("") || name.replace(/\D/g, "").slice(-2);
  element.textContent = initials.toUpperCase() || "?";
  let hue = 0;
  for (const char of name) hue = (hue * 31 + char.codePointAt(0)) % 360;
  element.style.setProperty("--hue", String(hue));
  return element;
}

/** Says something to a person who listens instead of looking. */
export function say(text) {
  $("said").textContent = text;
}

/** Whether there is room for one view only. */
export const isNarrow = () => matchMedia("(max-width: 44rem)").matches;

/** Shows one of the views where there is room for only one: `chats`, `talk` or `side`. */
export function showView(view) {
  document.body.dataset.view = view;
  for (const tab of document.querySelectorAll(".tabs button")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.view === view));
  }
}

/** While `work` runs, the button is busy and cannot be pressed again. */
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return undefined;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Runs `work` in the next frame, once, however often it is asked for until then. */
export function onceAFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/** Puts a text on the clipboard, and says so. */
export async function copyText(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
    return true;
  } catch {
    say("This browser does not let the page copy. Select the text and copy it yourself.");
    return false;
  }
}
