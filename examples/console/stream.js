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
  #last;
  #events;
  #unwatch = () => {};

  constructor(im, onEvent) {
    this.#im = im;
    this.#onEvent = onEvent;
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
    const connection = this.#im.connection;
    if (connection?.on) {
      show(connection.state);
      this.#unwatch = connection.on(() => show(connection.state)) ?? (() => {});
    } else {
      show("live");
    }
  }
}

function show(state) {
  const name = typeof state === "string" ? state : (state?.state ?? "idle");
  $("state").dataset.state = name;
  $("state-text").textContent = WORDS[name] ?? name;
}
