// The few things this page needs from the document. Text only ever goes in as text.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** Makes an element: `make("li", { className: "x" }, "text", child)`. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
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

/** Shows one of the views where there is room for only one. */
export function showView(view) {
  document.body.dataset.view = view;
  $("main").scrollTop = 0;
  for (const tab of document.querySelectorAll(".tabs button")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.view === view));
  }
}

/** While `work` runs, the button is busy and cannot be pressed again. */
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.removeAttribute("aria-busy");
  }
}
