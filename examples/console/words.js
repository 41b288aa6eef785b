// Errors and events as sentences.

import {
  AuthenticationError,
  ConnectionError,
  IMessageError,
  NotFoundError,
  RateLimitError,
  ValidationError,
} from "im-chats";

import { $, make } from "./dom.js";
import { WorldError } from "./world.js";

const HINTS = [
  [AuthenticationError, "The token is not accepted. Disconnect and use the one that the gateway printed."],
  [RateLimitError, "Too much at once. Wait a little before trying again."],
  [NotFoundError, "It is not there, or no longer."],
  [ConnectionError, "The gateway did not answer. Is it still running?"],
  [ValidationError, "Nothing was sent or stored."],
];

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

/** Shows an error until it is dismissed or the next one comes. */
export function showError(what, error) {
  const { message, hint, codes } = describe(error);
  const details = Object.entries(codes).map(([key, value]) => make("span", {}, `${key}: `, make("code", {}, value)));
  const close = make("button", { type: "button", className: "quiet small", onclick: clearErrors }, "Dismiss");
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  const text = make("p", {}, make("strong", {}, `${what} failed. `), sentence, hint ? ` ${hint}` : "");
  const body = make("div", {}, text, make("p", { className: "codes" }, ...details));
  $("alerts").replaceChildren(make("div", { className: "alert" }, body, close));
}

export function clearErrors() {
  $("alerts").replaceChildren();
}

const EVENTS = {
  "chat.backgroundChanged": "background set",
  "chat.backgroundRemoved": "background removed",
  "chat.markedRead": "marked read",
  "chat.archived": "archived",
  "chat.unarchived": "taken out of the archive",
};

/** What happened; an event that this page does not know yet is called by its type. */
export const eventWords = (type) => EVENTS[type] ?? type;

/** The recipient or group id, which is what a person recognises in a GUID. */
export const shortGuid = (guid) => guid.split(";").slice(2).join(";") || guid;

/** What a chat is called. */
export function chatName(chat) {
  if (chat.displayName) return chat.displayName;
  const addresses = (chat.participants ?? []).map((participant) => participant.address);
  return addresses.length > 0 ? addresses.join(", ") : shortGuid(chat.guid);
}

/** Text of the last message, whatever shape a message has. */
export const messageText = (message) => message?.content?.text ?? message?.text ?? undefined;

export const time = (iso) => new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function bytes(count) {
  if (count < 1024) return `${count} bytes`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(0)} KB`;
  return `${(count / 1024 / 1024).toFixed(1)} MB`;
}

/** Milliseconds as a person reads them. */
export const duration = (ms) => (ms < 1000 ? `${Math.ceil(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
