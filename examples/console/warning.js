// On a relay everything goes to real people. Before the first thing that does, the page asks.

import { $ } from "./dom.js";

export class Warning {
  #isRelay;
  #agreed = false;
  #asking;

  constructor(mode) {
    this.#isRelay = mode === "relay";
    const dialog = $("warning");
    $("warning-go").onclick = () => dialog.close("go");
    $("warning-cancel").onclick = () => dialog.close("");
  }

  /** Whether to go on. `what` is what is about to happen, as in "The message goes to Alice". */
  async ask(what) {
    if (!this.#isRelay || this.#agreed) return true;
    this.#asking ??= this.#open(what);
    const agreed = await this.#asking;
    this.#asking = undefined;
    this.#agreed ||= agreed;
    return agreed;
  }

  #open(what) {
    const dialog = $("warning");
    $("warning-text").textContent =
      `${what}. This page is connected to a real account by a relay: whatever you do here, people see. It will not ask again until you disconnect or load the page again.`;
    dialog.returnValue = "";
    dialog.showModal();
    $("warning-cancel").focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "go"), { once: true });
    });
  }
}
