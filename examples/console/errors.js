// Errors as sentences: what failed, what to do about it, and what a developer needs underneath.

import { AuthenticationError, ConnectionError, IMessageError, NotFoundError, RateLimitError, ValidationError } from "im-chats/messages";

import { $, make } from "./dom.js";
import { WorldError } from "./world.js";

/** Commands stand between backquotes. */
const HINTS = [
  [
    AuthenticationError,
    "The server does not accept this token. `cargo xtask start` prints an address that carries the right one; a gateway that you start yourself takes it from `--token-file`, `IM_CHATS_TOKEN` or `--token`, and without them prints it on stderr when it starts.",
  ],
  [RateLimitError, "Too much at once. Wait a little before you try again."],
  [NotFoundError, "It is not there, or no longer."],
  [ConnectionError, `${unreachable()} Then try again.`],
  [ValidationError, "Nothing was sent or stored."],
];

/** What to do when nobody answers. */
export function unreachable() {
  return `No server answers at \`${location.origin}\`. Start one with \`im-chats-gateway emulator --listen ${location.host}\`, or with \`cargo xtask start\` in the repository.`;
}

/** What went wrong, as a person reads it, with what a developer needs underneath. */
export function describe(error) {
  const known = error instanceof IMessageError || error instanceof WorldError;
  const hint = HINTS.find(([kind]) => error instanceof kind)?.[1];
  const codes = { class: error?.name ?? typeof error };
  if (known) {
    codes.code = error.code;
    for (const [key, value] of Object.entries(error.context ?? {})) codes[key] = String(value);
    if (error.retryable) codes.retry = "may help";
    if (error.retryAfter !== undefined) codes.retry = `after ${Math.ceil(error.retryAfter / 1000)} s`;
    if (error.requestId) codes.request = error.requestId;
  }
  return { message: error?.message || String(error), hint, codes };
}

/** A text whose commands, between backquotes, are set as code. */
export const withCode = (text) => text.split("`").map((part, index) => (index % 2 === 1 ? make("code", {}, part) : part));

/** Shows an error until it is dismissed or the next one comes. */
export function showError(what, error) {
  const { message, hint, codes } = describe(error);
  const details = Object.entries(codes).map(([key, value]) => make("span", {}, `${key}: `, make("code", {}, value)));
  let before;
  const dismiss = () => {
    clearErrors();
    if (before?.isConnected) before.focus();
  };
  const onfocus = (event) => (before = event.relatedTarget);
  const close = make("button", { type: "button", className: "quiet small", onfocus, onclick: dismiss }, "Dismiss");
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  const text = make("p", {}, make("strong", {}, `${what} failed. `), sentence);
  const advice = hint && make("p", { className: "advice" }, ...withCode(hint));
  const body = make("div", {}, text, advice, make("p", { className: "codes" }, ...details));
  $("alerts").replaceChildren(make("div", { className: "alert" }, body, close));
}

export function clearErrors() {
  $("alerts").replaceChildren();
}

/** Does `work` and shows its failure; whether it went well. */
export async function attempt(what, work) {
  clearErrors();
  try {
    await work();
    return true;
  } catch (error) {
    showError(what, error);
    return false;
  }
}
