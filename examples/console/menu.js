// A menu beside a button: arrow keys, Home and End move, Escape and a click elsewhere close it, and the focus goes back.

import { $, make } from "./dom.js";

let anchor;
let watch;

/** Opens the menu, or closes the one that the button has open. `items`: `{ label, text?, checked?, act }`. One with `text` shows that, and is called by its label. */
export function openMenu(button, items) {
  if (anchor === button) return closeMenu();
  closeMenu();
  anchor = button;
  const menu = $("menu");
  menu.replaceChildren(...items.map(item));
  button.setAttribute("aria-expanded", "true");
  menu.showPopover();
  place(menu, button.getBoundingClientRect());
  watch = new AbortController();
  const { signal } = watch;
  menu.addEventListener("keydown", onKey, { signal });
  addEventListener("pointerdown", (event) => menu.contains(event.target) || button.contains(event.target) || closeMenu(false), { signal, capture: true });
  addEventListener("resize", () => closeMenu(), { signal });
  menu.firstElementChild?.focus();
}

/** Closes it; the focus goes back to the button it belongs to. */
export function closeMenu(refocus = true) {
  if (!anchor) return;
  const button = anchor;
  anchor = undefined;
  watch.abort();
  button.removeAttribute("aria-expanded");
  $("menu").hidePopover();
  $("menu").replaceChildren();
  if (refocus && button.isConnected) button.focus({ preventScroll: true });
}

function item({ label, text, checked, act }) {
  const element = make("button", {
    type: "button",
    tabIndex: -1,
    className: text ? "mark" : "",
    onclick: () => {
      closeMenu();
      act();
    },
  });
  element.setAttribute("role", checked === undefined ? "menuitem" : "menuitemcheckbox");
  if (checked !== undefined) element.setAttribute("aria-checked", String(checked));
  element.append(text ?? label);
  if (text) {
    element.setAttribute("aria-label", label);
    element.title = label;
  }
  return element;
}

function onKey(event) {
  const all = [...$("menu").children];
  const at = all.indexOf(document.activeElement);
  const to = {
    ArrowDown: (at + 1) % all.length,
    ArrowRight: (at + 1) % all.length,
    ArrowUp: (at - 1 + all.length) % all.length,
    ArrowLeft: (at - 1 + all.length) % all.length,
    Home: 0,
    End: all.length - 1,
  }[event.key];
  if (event.key === "Escape" || event.key === "Tab") closeMenu();
  else if (to === undefined) return;
  else all[to].focus();
  if (event.key !== "Tab") event.preventDefault();
  event.stopPropagation();
}

/** Below the button, or above it where there is no room; never beyond the edge. */
function place(menu, at) {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.right - width), innerWidth - width - 8);
  const top = at.bottom + height + 8 < innerHeight ? at.bottom + 4 : Math.max(8, at.top - height - 4);
  menu.style.setProperty("left", `${left}px`);
  menu.style.setProperty("top", `${top}px`);
}
