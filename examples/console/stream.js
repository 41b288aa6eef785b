// The live stream, and the truth about its state.

import { $ } from "./dom.js";
import { showError } from "./words.js";

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

export class Stream {
  #im;
  #onEvent;
  #onReturn;
  #wasCut = false;
  #last;
  #events;
  #unwatch = () => {};

  /** `onReturn` is called when the stream is live again after a cut. */
  constructor(im, onEvent, onReturn) {
    this.#im = im;
    this.#onEvent = onEvent;
    this.#onReturn = onReturn;
  }

  start() {
    $("resume").hidden = true;
    this.#watch();
    this.#run();
  }

  stop() {
    this.#unwatch();
    this.#events?.close();
    this.#events = undefined;
    show("idle");
  }

  async #run() {
    // After a cut the stream goes on behind the last event that was shown.
    const events = this.#im.chats.subscribeEvents(this.#last === undefined ? {} : { after: this.#last });
    this.#events = events;
    try {
      for await (const event of events) {
        this.#last = event.sequence;
        await this.#onEvent(event);
      }
    } catch (error) {
      showError("The event stream", error);
    }
    if (this.#events !== events) return; // stopped on purpose
    show("failed");
    $("resume").hidden = false;
  }

  #watch() {
    this.#unwatch();
    const { connection } = this.#im;
    show(connection.state, connection);
    this.#unwatch = connection.on((status) => {
      show(status.state, status);
      if (status.state === "reconnecting" || status.state === "offline") this.#wasCut = true;
      if (status.state !== "live" || !this.#wasCut) return;
      this.#wasCut = false;
      this.#onReturn();
    });
  }
}

/**
 * The state in a word, how often it was tried, how far the page is behind the log, and, as its tooltip, why it does not
 * work.
 */
function show(state, { lag = 0, lastError, failedAttempt } = {}) {
  const attempts = state === "reconnecting" && failedAttempt?.number > 0 && `${failedAttempt.number} failed`;
  $("state").dataset.state = state;
  $("state").title = lastError ? `${lastError.message} (${lastError.code})` : "";
  $("state-text").textContent = [WORDS[state], attempts, lag > 0 && `${lag} behind`].filter(Boolean).join(", ");
}
