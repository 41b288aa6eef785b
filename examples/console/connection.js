// How the connection is: in a word at the top, and, while nobody answers, with what to do about it.

import { $ } from "./dom.js";
import { unreachable, withCode } from "./errors.js";

const WORDS = {
  idle: "idle",
  connecting: "connecting",
  catchingUp: "catching up",
  live: "live",
  reconnecting: "reconnecting",
  offline: "offline",
  closed: "closed",
  failed: "stream ended",
};

/** Shows a view's connection until `signal` is aborted. */
export function showConnection(view, signal) {
  const stop = view.subscribe(() => show(view.get()));
  show(view.get());
  signal.addEventListener("abort", () => {
    stop();
    show({ state: "idle" });
  });
}

/**
 * The state in a word, how often it was tried, how far the page is behind the log, and, as its tooltip, why it does not
 * work.
 */
function show({ state, lag = 0, lastError, failedAttempt }) {
  const attempts = state === "reconnecting" && failedAttempt?.number > 0 && `${failedAttempt.number} failed`;
  $("state").dataset.state = state;
  $("state").title = lastError ? `${lastError.message} (${lastError.code})` : "";
  const text = [WORDS[state] ?? state, attempts, lag > 0 && `${lag} behind`].filter(Boolean).join(", ");
  if ($("state-text").textContent !== text) $("state-text").textContent = text;
  const away = (state === "reconnecting" || state === "offline") && lastError !== undefined;
  if (away === !$("banner").hidden) return;
  $("banner").hidden = !away;
  $("banner").replaceChildren(...(away ? withCode(`${unreachable()} The page goes on by itself when it is there.`) : []));
}
